package sale

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/db/saledb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
)

// Create stores a new event in draft for an organization. Everything wrong comes back at once, with paths
// as in CONTRACT.md's JSON ("name", "sale.opens_at", "tiers[0].price_kobo"); 409 slug_taken.
func (s *Service) Create(ctx context.Context, organization uuid.UUID, n NewSale) (*Snapshot, error) {
	n, err := n.Check()
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		var err error
		if id, err = catalog.InsertTx(ctx, tx, organization, n.Event); err != nil {
			return err
		}
		if err := insertTx(ctx, tx, id, n); err != nil {
			return err
		}
		if n.seats != nil {
			return catalog.InsertHallTx(ctx, tx, id, n.seats)
		}
		return nil
	})
	if err != nil {
		return nil, db.Fault(fmt.Errorf("sale.Create: %w", err))
	}
	return s.Fresh(ctx, id)
}

// insertTx stores the terms and the tiers of an event that is stored.
func insertTx(ctx context.Context, tx pgx.Tx, event uuid.UUID, n NewSale) error {
	t := n.Terms
	row := saledb.InsertSaleParams{
		EventID: event, Ordering: string(t.Ordering), LobbyOpensAt: t.LobbyOpensAt, OpensAt: t.OpensAt, ClosesAt: t.ClosesAt,
		MaxTicketsPerFan: small(t.MaxTicketsPerFan), MaxWaiting: t.MaxWaiting,
		AdmitPerMinute: small(t.AdmitPerMinute), MaxInside: small(t.MaxInside), TurnSeconds: small(t.TurnSeconds),
		VisitSeconds: small(t.VisitSeconds), HoldSeconds: small(t.HoldSeconds), GraceSeconds: small(t.GraceSeconds),
		Channels: t.Channels, FeesBy: string(t.FeesBy),
		TaxName: t.Tax.Name, TaxBasisPoints: small(t.Tax.BasisPoints), TaxNumber: t.Tax.Number,
		Returns: t.Returns, ReturnsUntil: t.ReturnsUntil, Disputes: string(t.Disputes),
	}
	if t.BeaconName != "" {
		row.BeaconName, row.BeaconRound, row.BeaconUrl = &t.BeaconName, &t.BeaconRound, &t.BeaconURL
	}
	q := saledb.New()
	if err := q.InsertSale(ctx, tx, row); err != nil {
		return err
	}
	for i, tier := range n.Tiers {
		err := q.InsertTier(ctx, tx, saledb.InsertTierParams{
			ID: uuid.New(), EventID: event, Ordinal: small(i), Name: tier.Name, PriceKobo: int64(tier.Price), Capacity: small(tier.Capacity), Seated: tier.seated,
			OpensAt: tier.OpensAt, ClosesAt: tier.ClosesAt,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Change applies a patch live, with a ledger row of what changed; ranges as Create, paths bare ("max_inside").
// An ended sale takes a message and what concerns tickets that are sold, and nothing else: 409 invalid_transition.
func (s *Service) Change(ctx context.Context, event, by uuid.UUID, p Patch) (*Snapshot, error) {
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		q := saledb.New()
		was, err := q.LockTerms(ctx, tx, event)
		if db.NoRows(err) {
			return notFound()
		}
		if err != nil {
			return err
		}
		opens := was.OpensAt
		if was.OpenedAt != nil {
			opens = *was.OpenedAt
		}
		if err := p.tidy().check(opens, was.StartsAt, was.At); err != nil {
			return err
		}
		row, changes := patched(was, p.tidy())
		row.EventID = event
		if len(changes) == 0 {
			return nil
		}
		if State(was.State) == Ended {
			for name := range changes {
				if !slices.Contains(afterEnd, name) {
					return fault.New(fault.Conflict, "invalid_transition", "The sale is over, so only its message, the tax, returns and disputes can be changed.").With("state", Ended)
				}
			}
		}
		if err := q.SetTerms(ctx, tx, row); err != nil {
			return err
		}
		return ledger.Write(ctx, tx, event, ledger.SaleChanged, map[string]any{"by": by, "changes": changes})
	})
	if err != nil {
		return nil, db.Fault(fmt.Errorf("sale.Change: %w", err))
	}
	return s.Fresh(ctx, event)
}

// afterEnd is what may change when the sale is over: it concerns tickets that are sold.
var afterEnd = []string{"message", "tax", "returns", "returns_until", "disputes"}

type change struct {
	From any `json:"from"`
	To   any `json:"to"`
}

// patched is the row after the patch, with what it changes.
func patched(was saledb.LockTermsRow, p Patch) (saledb.SetTermsParams, map[string]change) {
	changes := map[string]change{}
	number := func(name string, old int32, new *int) int32 {
		if new == nil || small(*new) == old {
			return old
		}
		changes[name] = change{old, *new}
		return small(*new)
	}
	row := saledb.SetTermsParams{
		MaxTicketsPerFan: number("max_tickets_per_fan", was.MaxTicketsPerFan, p.MaxTicketsPerFan),
		AdmitPerMinute:   number("admit_per_minute", was.AdmitPerMinute, p.AdmitPerMinute),
		MaxInside:        number("max_inside", was.MaxInside, p.MaxInside),
		TurnSeconds:      number("turn_seconds", was.TurnSeconds, p.TurnSeconds),
		VisitSeconds:     number("visit_seconds", was.VisitSeconds, p.VisitSeconds),
		HoldSeconds:      number("hold_seconds", was.HoldSeconds, p.HoldSeconds),
		GraceSeconds:     number("grace_seconds", was.GraceSeconds, p.GraceSeconds),
		MaxWaiting:       was.MaxWaiting, Message: was.Message, ClosesAt: was.ClosesAt,
	}
	if p.MaxWaiting != nil && (was.MaxWaiting == nil || *was.MaxWaiting != *p.MaxWaiting) {
		changes["max_waiting"] = change{was.MaxWaiting, *p.MaxWaiting}
		row.MaxWaiting = p.MaxWaiting
	}
	if p.Message != nil && *p.Message != was.Message {
		changes["message"] = change{was.Message, *p.Message}
		row.Message = *p.Message
	}
	if p.ClosesAt != nil && !p.ClosesAt.Equal(was.ClosesAt) {
		changes["closes_at"] = change{was.ClosesAt, p.ClosesAt.UTC()}
		row.ClosesAt = *p.ClosesAt
	}
	patchMoney(was, p, &row, changes)
	return row, changes
}
