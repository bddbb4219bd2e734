package api

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/catalog"
	"fairqueue/internal/claim"
)

func TestAppendClaimIsWhatJSONWouldBe(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 8, 1, 18, 0, 0, 120_000_000, time.UTC)
	line := claim.Line{UnitID: uuid.New(), TierID: uuid.New(), Tier: "Regular", Price: 1_500_000}
	seat := claim.Line{UnitID: uuid.New(), TierID: uuid.New(), Price: 1, Seat: &catalog.Place{Section: `Left "A" <b>`, Row: "Ä", Label: "12"}}
	for name, c := range map[string]claim.Claim{
		"nothing": {},
		"one":     {ID: uuid.New(), EventID: uuid.New(), Status: claim.Held, ExpiresAt: at, Lines: []claim.Line{line}, Total: 1_500_000},
		"several": {ID: uuid.New(), EventID: uuid.New(), Status: claim.Held, ExpiresAt: at.In(time.FixedZone("", 3600)), Lines: []claim.Line{line, seat, line}, Total: 3_000_001},
	} {
		want, err := json.Marshal(claimOut(c))
		if err != nil {
			t.Fatal(err)
		}
		got, err := appendClaim(nil, &c)
		if err != nil || string(got) != string(want)+"\n" {
			t.Errorf("%s: %v\n%s\n%s", name, err, got, want)
		}
	}
}

func TestPlainClaim(t *testing.T) {
	t.Parallel()
	id := "0190e8a0-0000-7000-8000-000000000001"
	for body, want := range map[string]int{
		`{"tier_id":"` + id + `","quantity":2}`:                   2,
		" { \"quantity\" : 50 , \"tier_id\" : \"" + id + "\" }\n": 50,
	} {
		if tier, n, ok := plainClaim([]byte(body)); !ok || n != want || tier.String() != id {
			t.Errorf("%s: %s, %d, %v", body, tier, n, ok)
		}
	}
	// Whatever is not quite that is read by the checker, which says what is wrong.
	for _, body := range []string{
		``, `{}`, `[]`, `{"tier_id":"` + id + `"}`, `{"quantity":2}`, `{"tier_id":"` + id + `","quantity":0}`, `{"tier_id":"` + id + `","quantity":51}`,
		`{"tier_id":"` + id + `","quantity":02}`, `{"tier_id":"` + id + `","quantity":2.0}`, `{"tier_id":"` + id + `","quantity":2,}`,
		`{"tier_id":"` + id + `","quantity":2}}`, `{"tier_id":"` + id + `","quantity":2} {}`, `{"tier_id":"` + id + `","quantity":"2"}`,
		`{"tier_id":"` + id + `","tier_id":"` + id + `"}`, `{"quantity":1,"quantity":2}`, `{"tier_id":"` + id + `","quantity":2,"best_available":true}`,
		`{"best_available":true,"tier_id":"` + id + `","quantity":2}`, `{"tier_id":` + id + `,"quantity":2}`, `{"Tier_id":"` + id + `","quantity":2}`,
		`{"tier_id":"00000000-0000-0000-0000-000000000000","quantity":2}`, `{"tier_id":"` + id + `","quantity":1e1}`, `{"tier_id":"` + id + `","quantity":-1}`,
	} {
		if _, _, ok := plainClaim([]byte(body)); ok {
			t.Errorf("%s was read as a plain claim", body)
		}
	}
}
