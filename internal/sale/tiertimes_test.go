package sale_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/sale"
)

func TestATierIsSoldWithinItsSale(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(t *sale.NewTier, s sale.Terms){
		"":                   func(t *sale.NewTier, s sale.Terms) { t.OpensAt, t.ClosesAt = &s.OpensAt, &s.ClosesAt },
		"tiers[1].opens_at":  func(t *sale.NewTier, s sale.Terms) { t.OpensAt = ptr(s.OpensAt.Add(-time.Second)) },
		"tiers[1].closes_at": func(t *sale.NewTier, s sale.Terms) { t.ClosesAt = ptr(s.ClosesAt.Add(time.Second)) },
		"tiers[1].closes_at ": func(t *sale.NewTier, s sale.Terms) {
			t.OpensAt, t.ClosesAt = ptr(s.OpensAt.Add(time.Hour)), ptr(s.OpensAt.Add(time.Hour))
		},
	} {
		n := proposal()
		change(&n.Tiers[1], n.Terms)
		_, err := n.Check()
		if want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if f := wantCode(t, err, "invalid_request"); len(f.Fields) != 1 || f.Fields[0].Path != strings.TrimSpace(want) {
			t.Errorf("%v, want %s", f.Fields, want)
		}
	}
}

func TestTimesOfATierChange(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	s := sale.New(sale.Config{DB: tx})
	made := create(t, s, organization(t, tx), nil)
	event, by := made.ID(), uuid.New()
	publish(t, s, tx, event, sale.Open)
	opens, closes := made.Terms.OpensAt.Add(time.Hour), made.Terms.ClosesAt.Add(-time.Hour)
	one, two := made.Tiers[0].ID, made.Tiers[1].ID

	for want, times := range map[string][]sale.TierTimes{
		"times":              {},
		"times[0].tier_id":   {{TierID: uuid.New()}},
		"times[1].tier_id":   {{TierID: one, OpensAt: &opens}, {TierID: one}},
		"times[1].opens_at":  {{TierID: one, OpensAt: &opens}, {TierID: two, OpensAt: ptr(made.Terms.OpensAt.Add(-time.Second))}},
		"times[0].closes_at": {{TierID: one, OpensAt: &closes, ClosesAt: &opens}},
	} {
		_, err := s.SetTierTimes(t.Context(), event, by, times)
		if f := wantCode(t, err, "invalid_request"); len(f.Fields) != 1 || f.Fields[0].Path != want {
			t.Errorf("%+v, want %s", f.Fields, want)
		}
	}
	before, err := s.Fresh(t.Context(), event)
	if err != nil || before.Tiers[0].OpensAt != nil {
		t.Fatalf("a refused change stands: %+v, %v", before.Tiers[0], err)
	}
	snap, err := s.SetTierTimes(t.Context(), event, by, []sale.TierTimes{{TierID: two, OpensAt: &opens, ClosesAt: &closes}, {TierID: one}})
	if err != nil || snap.Version != before.Version+1 || snap.Tiers[0].OpensAt != nil || !snap.Tiers[1].OpensAt.Equal(opens) || !snap.Tiers[1].ClosesAt.Equal(closes) {
		t.Fatalf("%+v, %v", snap, err)
	}
	if again, err := s.SetTierTimes(t.Context(), event, by, []sale.TierTimes{{TierID: two, OpensAt: &opens, ClosesAt: &closes}}); err != nil || again.Version != snap.Version {
		t.Errorf("a change of nothing is version %d, was %d; %v", again.Version, snap.Version, err)
	}
	if snap, err = s.SetTierTimes(t.Context(), event, by, []sale.TierTimes{{TierID: two, ClosesAt: &closes}}); err != nil || snap.Tiers[1].OpensAt != nil {
		t.Errorf("a time that is taken away: %+v, %v", snap.Tiers[1], err)
	}
	var written int
	if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM ledger, jsonb_object_keys(body->'changes') WHERE event_id = $1 AND kind = 'sale_changed'`, event).Scan(&written); err != nil || written != 3 {
		t.Errorf("the ledger has %d times, %v", written, err)
	}
	if _, err := s.End(t.Context(), event, by); err != nil {
		t.Fatal(err)
	}
	_, err = s.SetTierTimes(t.Context(), event, by, []sale.TierTimes{{TierID: two}})
	wantCode(t, err, "invalid_transition")
}
