package sale

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/db/saledb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/money"
)

// NewRelease is more stock of a show, to be sold in a sale of its own.
type NewRelease struct {
	// Slug is made from that of the first sale if it is empty.
	Slug  string
	Terms Terms
	// Tiers are new ones of general admission, or the prices of tiers that the seats have in the sale that gives them.
	// Those that are not named keep their price.
	Tiers []NewTier
	// Seats are blocked ones, by their ids in the sale that blocks them.
	Seats []uuid.UUID
}

// Release stores another sale of the show of an event, as a draft with a line, a draw and stock of its own. All or
// nothing; everything wrong comes back at once with paths as in the JSON ("sale.opens_at", "tiers[0].name",
// "seats[3]"); 409 slug_taken.
func (s *Service) Release(ctx context.Context, event, by uuid.UUID, n NewRelease) (*Snapshot, error) {
	var id uuid.UUID
	var show catalog.Show
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) (err error) {
		if show, err = catalog.LockShowTx(ctx, tx, event); err != nil {
			return err
		}
		shown, err := saledb.New().TierNames(ctx, tx, show.ID)
		if err != nil {
			return err
		}
		seats, wrong, err := catalog.LockReleasedTx(ctx, tx, show.ID, n.Seats)
		if err != nil {
			return err
		}
		full, err := n.full(show, shown, seats, wrong)
		if err != nil {
			return err
		}
		if id, err = catalog.InsertReleaseTx(ctx, tx, show, full.Event.Slug); err != nil {
			return err
		}
		if err := insertTx(ctx, tx, id, full); err != nil {
			return err
		}
		numbers := make([]int, len(seats))
		if len(seats) > 0 {
			names, tiers := make([]string, len(shown)), make([]catalog.ReleasedTier, len(full.Tiers))
			for i, t := range shown {
				names[i] = t.Name
			}
			for i, t := range full.Tiers {
				tiers[i] = catalog.ReleasedTier{Name: t.Name, Capacity: t.Capacity}
			}
			for i, seat := range seats {
				numbers[i] = seat.Number
			}
			if err := catalog.InsertReleasedHallTx(ctx, tx, show.ID, id, names, tiers, seats); err != nil {
				return err
			}
		}
		return ledger.Write(ctx, tx, id, ledger.Released, map[string]any{"by": by, "show": show.ID, "seats": numbers})
	})
	if err != nil {
		return nil, db.Fault(fmt.Errorf("sale.Release: %w", err))
	}
	return s.Fresh(ctx, id)
}

// full is the release as a sale like any other: its tiers with seats get the capacity, and where nothing else is said the
// price, of the seats. wrong is what is wrong with the seats.
func (n NewRelease) full(show catalog.Show, shown []saledb.TierNamesRow, seats []catalog.Released, wrong []fault.Field) (NewSale, error) {
	full := NewSale{Event: show.Facts, Terms: n.Terms, Tiers: slices.Clone(n.Tiers)}
	full.Event.Slug = strings.TrimSpace(n.Slug)
	var names []string
	places, prices := map[string]int{}, map[string]map[int64]bool{}
	for _, seat := range seats {
		if places[seat.Tier]++; places[seat.Tier] == 1 {
			names, prices[seat.Tier] = append(names, seat.Tier), map[int64]bool{}
		}
		prices[seat.Tier][seat.PriceKobo] = true
	}
	for i := range full.Tiers {
		t := &full.Tiers[i]
		t.Name = strings.TrimSpace(t.Name)
		count := places[t.Name]
		switch {
		case count > 0 && (t.Capacity == 0 || t.Capacity == count):
			t.Capacity, t.seated = count, true
		case count > 0:
			wrong = append(wrong, fault.Field{Path: fmt.Sprintf("tiers[%d].capacity", i),
				Message: fmt.Sprintf("You release %d seats of this tier. Make the capacity %d, or leave it out.", count, count)})
			t.Capacity = count
		case slices.ContainsFunc(shown, func(o saledb.TierNamesRow) bool { return o.Seated && o.Name == t.Name }):
			wrong = append(wrong, fault.Field{Path: fmt.Sprintf("tiers[%d].name", i),
				Message: "This tier has numbered seats. Name the seats that you release, or give the tier another name."})
		}
	}
	for _, name := range names {
		if slices.ContainsFunc(full.Tiers, func(t NewTier) bool { return t.Name == name }) {
			continue
		}
		if len(prices[name]) > 1 {
			wrong = append(wrong, fault.Field{Path: "tiers", Message: fmt.Sprintf("The seats of %q had several prices. Name the tier with its price.", name)})
		}
		for price := range prices[name] {
			full.Tiers = append(full.Tiers, NewTier{Name: name, Price: money.Kobo(price), Capacity: places[name], seated: true})
			break
		}
	}
	seated := make([]bool, len(full.Tiers))
	for i, t := range full.Tiers {
		seated[i] = t.seated
	}
	checked, err := full.Check()
	if f := fault.From(err); err != nil && f.Kind == fault.Invalid {
		for _, field := range f.Fields {
			// Whoever named seats has named tiers; what is wrong with the seats is said above.
			if len(n.Seats) == 0 || len(full.Tiers) > 0 || field.Path != "tiers" {
				wrong = append(wrong, field)
			}
		}
	} else if err != nil {
		return full, err
	}
	if len(wrong) > 0 {
		return full, fault.InvalidField(wrong...)
	}
	for i := range checked.Tiers {
		checked.Tiers[i].seated = seated[i]
	}
	return checked, nil
}

// Others are the other published sales of the event's show, the oldest first.
func (s *Service) Others(ctx context.Context, event *Snapshot) ([]*Snapshot, error) {
	if len(event.others) == 0 {
		return nil, nil
	}
	return s.all(ctx, event.others)
}
