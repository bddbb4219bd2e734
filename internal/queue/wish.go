package queue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

// Wish is what a fan asked for while they wait.
type Wish struct {
	// Tiers are ordinals, in order; empty: any.
	Tiers []int
	// Mail asks for a message when the turn comes.
	Mail bool
}

// SetWish stores the wishes of the account's spot and returns the spot; 404 not_in_queue, 422 for a tier that is not there.
func (s *Service) SetWish(ctx context.Context, event *sale.Snapshot, account uuid.UUID, w Wish) (Spot, error) {
	wants, err := ordinals(event, w.Tiers)
	if err != nil {
		return Spot{}, err
	}
	var spot Spot
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		q := queuedb.New()
		p, err := q.LockWish(ctx, tx, event.ID(), account)
		if db.NoRows(err) {
			return notInQueue()
		}
		if err != nil {
			return err
		}
		lobby := w.Mail && !p.LobbyMailed && sale.State(p.State) == sale.Lobby && len(p.Commitment) > 0
		if lobby {
			if err := s.writeLobby(ctx, tx, p); err != nil {
				return err
			}
		}
		spot = Spot{ID: p.ID, Event: event.ID(), Account: account, Arrival: p.Arrival, JoinedAt: p.JoinedAt, Wish: wishOf(wants, w.Mail)}
		return q.SetWish(ctx, tx, wants, w.Mail, p.LobbyMailed || lobby, p.ID)
	})
	if err != nil {
		return Spot{}, db.Fault(fmt.Errorf("queue.SetWish: %w", err))
	}
	s.spots.Set(spotKey{event.ID(), account}, spot)
	return spot, nil
}

// ordinals are wishes as they are stored: each once, in order.
func ordinals(event *sale.Snapshot, tiers []int) ([]int16, error) {
	wants := make([]int16, 0, len(tiers))
	for _, o := range tiers {
		if !slices.ContainsFunc(event.Tiers, func(t sale.Tier) bool { return t.Ordinal == o }) {
			return nil, fault.InvalidField(fault.Field{Path: "tiers", Message: "Choose among the ticket kinds of this event."})
		}
		wants = append(wants, int16(o)) //nolint:gosec // the ordinal of a tier
	}
	slices.Sort(wants)
	return slices.Compact(wants), nil
}

// moreTime is what a called fan may ask for once a turn.
const moreTime = 2 * time.Minute

// Extend gives a called fan two more minutes to come in, once a turn; 403 not_admitted, admission_expired, 409 cap_reached.
func (s *Service) Extend(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (View, error) {
	var v View
	err := s.present(ctx, event.ID(), account, func() error {
		return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
			q := queuedb.New()
			spot, err := q.LockSpot(ctx, tx, event.ID(), account)
			if db.NoRows(err) {
				return notAdmitted()
			}
			if err != nil {
				return err
			}
			p, err := placeIn(ctx, tx, event.ID(), account)
			if err != nil {
				return err
			}
			switch status := derive(p); {
			case away(p):
				return errAway
			case status == Inside, status == Called && p.Extended:
				return fault.New(fault.Conflict, "cap_reached", "You have had your two more minutes. Come in now, or ask for another turn when this one is over.")
			case status == Called:
			case sale.State(p.State) != sale.Ended && (p.Status == stored.called || p.Status == stored.inside):
				return admissionExpired()
			default:
				return notAdmitted()
			}
			n, err := q.ExtendTurn(ctx, tx, moreTime.Seconds(), spot)
			if err != nil {
				return err
			}
			if n == 0 {
				return admissionExpired() // in this very moment
			}
			v, err = s.status(ctx, tx, event, account)
			return err
		})
	})
	if err != nil {
		return View{}, db.Fault(fmt.Errorf("queue.Extend: %w", err))
	}
	return v, nil
}
