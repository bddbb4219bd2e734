package sale_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/sale"
)

func TestTaxIsAPartOfThePrice(t *testing.T) {
	t.Parallel()
	vat := sale.Tax{Name: "VAT", BasisPoints: 750}
	for _, c := range []struct {
		tax  sale.Tax
		of   money.Kobo
		want money.Kobo
	}{
		{vat, 10_750, 750}, {vat, 1_500_000, 104_651}, {vat, 1, 0}, {vat, 0, 0}, {vat, -10_750, 0},
		{vat, 8, 1}, {vat, 7, 0}, // 0.56 and 0.49 of a kobo
		{sale.Tax{}, 1_500_000, 0}, {sale.Tax{BasisPoints: 10_000}, 200, 100},
		{vat, 5e13, 3_488_372_093_023}, {vat, 9_000_000_000_000_000_000, 627_906_976_744_186_047},
	} {
		if got := c.tax.In(c.of); got != c.want {
			t.Errorf("%s of %d: %d, want %d", c.tax.Percent(), c.of, got, c.want)
		}
	}
	for points, want := range map[int]string{750: "7.5 %", 1000: "10 %", 5: "0.05 %", 1225: "12.25 %", 10_000: "100 %"} {
		if got := (sale.Tax{BasisPoints: points}).Percent(); got != want {
			t.Errorf("%d is %q, want %q", points, got, want)
		}
	}
}

func TestWhatASaleSaysAboutMoneyIsKept(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	s := sale.New(sale.Config{DB: tx})
	org := organization(t, tx)
	usual := create(t, s, org, nil)
	if u := usual.Terms; u.FeesBy != sale.FeesByOrganizer || u.Disputes != sale.DisputesVoid || len(u.Channels) != 0 || u.Returns || u.Tax != (sale.Tax{}) || u.ReturnsUntil != nil {
		t.Errorf("the usual terms are %+v", u)
	}
	var until time.Time
	made := create(t, s, org, func(n *sale.NewSale) {
		until = n.Event.StartsAt.Add(-48 * time.Hour)
		n.Terms.Channels = []string{"bank_transfer", "card", "card"}
		n.Terms.FeesBy, n.Terms.Disputes = sale.FeesByFan, sale.DisputesKeep
		n.Terms.Tax = sale.Tax{Name: " VAT ", BasisPoints: 750, Number: "123-45"}
		n.Terms.Returns, n.Terms.ReturnsUntil = true, &until
	})
	m := made.Terms
	if !slices.Equal(m.Channels, []string{"card", "bank_transfer"}) || m.FeesBy != sale.FeesByFan || m.Disputes != sale.DisputesKeep ||
		m.Tax != (sale.Tax{Name: "VAT", BasisPoints: 750, Number: "123-45"}) || !m.Returns || m.ReturnsUntil == nil || !m.ReturnsUntil.Equal(until) {
		t.Errorf("kept: %+v", m)
	}
	for at, want := range map[time.Time]bool{until.Add(-time.Second): true, until: false, made.Event.StartsAt: false} {
		if made.ReturnsOpen(at) != want {
			t.Errorf("tickets may be given back at %s: %v", at, !want)
		}
	}

	// Each of them changes live, and the record says from what to what.
	by, none := uuid.New(), time.Time{}
	changed, err := s.Change(t.Context(), made.ID(), by, sale.Patch{
		Channels: &[]string{}, FeesBy: ptr(sale.FeesByOrganizer), Tax: &sale.Tax{}, Returns: ptr(false), ReturnsUntil: &none, Disputes: ptr(sale.DisputesVoid),
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := changed.Terms; len(c.Channels) != 0 || c.FeesBy != sale.FeesByOrganizer || c.Tax != (sale.Tax{}) || c.Returns || c.ReturnsUntil != nil || c.Disputes != sale.DisputesVoid {
		t.Errorf("changed to %+v", c)
	}
	var tax string
	if err := tx.QueryRow(t.Context(), "SELECT body->'changes'->'tax'->>'from' FROM ledger WHERE event_id = $1 AND kind = 'sale_changed'", made.ID()).Scan(&tax); err != nil || tax != "VAT 7.5 % 123-45" {
		t.Errorf("the record says %q of the tax, %v", tax, err)
	}
}

func TestWhatIsWrongAboutMoneyIsSaid(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	s := sale.New(sale.Config{DB: tx})
	org := organization(t, tx)
	e := create(t, s, org, nil)
	late := e.Event.StartsAt.Add(time.Second)
	for path, p := range map[string]sale.Patch{
		"channels":      {Channels: &[]string{"card", "cash"}},
		"fees_by":       {FeesBy: ptr(sale.FeesBy("nobody"))},
		"tax.name":      {Tax: &sale.Tax{BasisPoints: 750}},
		"tax.percent":   {Tax: &sale.Tax{Name: "VAT", BasisPoints: 10_001}},
		"tax.number":    {Tax: &sale.Tax{Name: "VAT", BasisPoints: 1, Number: "\x00"}},
		"returns_until": {ReturnsUntil: &late},
		"disputes":      {Disputes: ptr(sale.DisputeRule("shrug"))},
	} {
		_, err := s.Change(t.Context(), e.ID(), uuid.New(), p)
		if f := wantCode(t, err, "invalid_request"); len(f.Fields) != 1 || f.Fields[0].Path != path {
			t.Errorf("%s: %+v", path, f.Fields)
		}
		n := proposal()
		n.Terms.FeesBy, n.Terms.Disputes = sale.FeesByOrganizer, sale.DisputesVoid
		if p.Channels != nil {
			n.Terms.Channels = *p.Channels
		}
		if p.FeesBy != nil {
			n.Terms.FeesBy = *p.FeesBy
		}
		if p.Tax != nil {
			n.Terms.Tax = *p.Tax
		}
		if p.ReturnsUntil != nil {
			late := n.Event.StartsAt.Add(time.Second)
			n.Terms.ReturnsUntil = &late
		}
		if p.Disputes != nil {
			n.Terms.Disputes = *p.Disputes
		}
		_, err = n.Check()
		if f := fault.From(err); err == nil || len(f.Fields) != 1 || f.Fields[0].Path != "sale."+path {
			t.Errorf("new, %s: %v", path, err)
		}
	}
	// A transfer alone would leave nothing where a hold is short.
	_, err := s.Change(t.Context(), e.ID(), uuid.New(), sale.Patch{Channels: &[]string{"bank_transfer"}})
	wantCode(t, err, "invalid_request")
}

// What concerns tickets that are sold may still be said when the sale is over.
func TestAfterTheEndMoneyCanStillBeSaid(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	s := sale.New(sale.Config{DB: tx})
	e := create(t, s, organization(t, tx), nil).ID()
	publish(t, s, tx, e, sale.Open)
	if _, err := s.End(t.Context(), e, uuid.New()); err != nil {
		t.Fatal(err)
	}
	after, err := s.Change(t.Context(), e, uuid.New(), sale.Patch{Returns: ptr(true), Tax: &sale.Tax{Name: "VAT", BasisPoints: 750}, Message: ptr("Thank you.")})
	if err != nil || !after.Terms.Returns || after.Terms.Tax.BasisPoints != 750 {
		t.Errorf("%+v, %v", after, err)
	}
	_, err = s.Change(t.Context(), e, uuid.New(), sale.Patch{Returns: ptr(false), FeesBy: ptr(sale.FeesByFan)})
	wantCode(t, err, "invalid_transition")
}

func TestAnEventIsCancelledOnce(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	s := sale.New(sale.Config{DB: tx})
	e := create(t, s, organization(t, tx), func(n *sale.NewSale) { n.Terms.Returns = true })
	cancel := func(reason string) (first bool) {
		err := db.InTx(t.Context(), tx, func(tx pgx.Tx) (err error) {
			first, err = sale.CancelTx(t.Context(), tx, e.ID(), reason)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	if !cancel("The hall is flooded.") {
		t.Fatal("not cancelled")
	}
	one, err := s.Fresh(t.Context(), e.ID())
	if err != nil || !one.Cancelled() || one.ReturnsOpen(one.At) {
		t.Fatalf("%+v, %v", one, err)
	}
	if cancel("Something else.") {
		t.Error("cancelled twice")
	}
	two, err := s.Fresh(t.Context(), e.ID())
	if err != nil || !two.CancelledAt.Equal(*one.CancelledAt) || two.CancelReason != "The hall is flooded." {
		t.Errorf("%v became %v, %v", one.CancelledAt, two.CancelledAt, err)
	}
}
