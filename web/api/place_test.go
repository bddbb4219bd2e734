package api

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// What is written by hand is what the documented type says.
func TestAPlaceIsWrittenAsDocumented(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(uint64(dbtest.Seed()), 1)) //nolint:gosec // a test
	some := func() *int64 {
		if rng.IntN(3) == 0 {
			return nil
		}
		n := rng.Int64N(1 << uint(rng.IntN(40)+1))
		return &n
	}
	moment := func() time.Time {
		at := time.Unix(1_800_000_000+rng.Int64N(1e8), rng.Int64N(1e9)).In(time.FixedZone("Lagos", 3600))
		return at.Truncate([]time.Duration{time.Nanosecond, time.Microsecond, time.Second}[rng.IntN(3)])
	}
	statuses := []queue.Status{queue.InLobby, queue.Waiting, queue.Called, queue.Inside, queue.Missed, queue.Left, queue.Done}
	states := []sale.State{sale.Draft, sale.Scheduled, sale.Lobby, sale.Open, sale.Paused, sale.SoldOut, sale.Ended}
	for range 2000 {
		v := queue.View{
			SpotID: uuid.New(), Status: statuses[rng.IntN(len(statuses))], Arrival: 1 + rng.Int64N(1e6), Number: some(), Ahead: some(),
			JoinedAt: moment(), Serving: rng.Int64N(1e6), State: states[rng.IntN(len(states))], PollAfter: time.Duration(rng.Int64N(15e9)),
		}
		if rng.IntN(2) == 0 {
			v.ETA = &queue.ETA{Low: time.Duration(rng.Int64N(1e13)), High: time.Duration(rng.Int64N(1e14))}
		}
		if rng.IntN(2) == 0 {
			v.Admission = &queue.Admission{Token: "eyJhbGciOiJFZERTQSJ9.eyJldmVudCI6IiJ9.c2ln-_", ExpiresAt: moment()}
		}
		want, err := json.Marshal(placeOut(v))
		if err != nil {
			t.Fatal(err)
		}
		if got := appendPlace(nil, &v); string(got) != string(want)+"\n" {
			t.Fatalf("\n%s\n%s", got, want)
		}
	}
}

func TestSlugs(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"a": true, "detty-december": true, "9-9": true, "": false, "-a": false, "a-": false, "a--b": false, "A": false, "ä": false, "a b": false, "a/b": false,
		"01234567890123456789012345678901234567890123456789012345678901234567890123456789":  true,
		"012345678901234567890123456789012345678901234567890123456789012345678901234567890": false,
	} {
		if isSlug(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}
