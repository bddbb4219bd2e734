package claim

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/db/claimdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/sale"
)

// Which names units to block or unblock: seats, or so many units of a tier of general admission.
type Which struct {
	Seats  []uuid.UUID
	TierID uuid.UUID
	Count  int
}

// maxBlocked is how many units one request blocks or unblocks.
const maxBlocked = 20_000

var (
	errNoUnits   = fault.New(fault.Conflict, "invalid_transition", "A draft has no stock yet. Publish it first; seats can be blocked in its seat map, too.").With("state", sale.Draft)
	errElsewhere = fault.New(fault.Conflict, "seats_taken", "Some of these seats are sold in another sale of the show, so they cannot be sold here.")
)

// Restock adds units to a tier of general admission; by is the organizer. 422; 409 invalid_transition when the sale is over.
func (s *Service) Restock(ctx context.Context, event *sale.Snapshot, by, tier uuid.UUID, add int) error {
	return s.organize(ctx, event, "claim.Restock", func(tx pgx.Tx, state sale.State) error {
		if state == sale.Ended {
			return errSaleOver
		}
		capacity, err := sale.GrowTx(ctx, tx, event.ID(), tier, add)
		if err != nil {
			return err
		}
		if state != sale.Draft { // a draft's units are made when it is published
			if _, err := s.q.AddUnits(ctx, tx, tier, event.ID(), int32(add)); err != nil { //nolint:gosec // checked by GrowTx
				return err
			}
		}
		return ledger.Write(ctx, tx, event.ID(), ledger.StockAdded, map[string]any{"by": by, "tier": tier, "added": add, "capacity": capacity})
	})
}

// Block takes free units out of the sale, all or nothing; those that are blocked already stay so. 422; 409 seats_taken
// (seats), not_enough_left (left), invalid_transition for a draft.
func (s *Service) Block(ctx context.Context, event *sale.Snapshot, by uuid.UUID, w Which) error {
	hall, err := s.checkWhich(ctx, event, w, "block")
	if err != nil {
		return err
	}
	return s.organize(ctx, event, "claim.Block", func(tx pgx.Tx, state sale.State) error {
		if state == sale.Draft {
			return errNoUnits
		}
		ids, old, err := s.toBlock(ctx, tx, event.ID(), hall, w)
		if err != nil || len(ids) == 0 {
			return err
		}
		n, err := s.q.UnitsToBlocked(ctx, tx, ids, from(unitMoves, blocked))
		if err != nil {
			return err
		}
		if n != int64(len(ids)) {
			return fmt.Errorf("%d of %d locked units were blocked", n, len(ids))
		}
		if err := endTakenOver(ctx, tx, old); err != nil {
			return err
		}
		return ledger.Write(ctx, tx, event.ID(), ledger.StockBlocked, map[string]any{"by": by, "units": ids})
	})
}

// toBlock locks the units that are about to be blocked; old are the claims that some of them were held by until a while ago.
func (s *Service) toBlock(ctx context.Context, tx pgx.Tx, event uuid.UUID, hall *catalog.Hall, w Which) (ids, old []uuid.UUID, err error) {
	if w.Seats == nil {
		if err := s.q.LockTier(ctx, tx, w.TierID.String()); err != nil {
			return nil, nil, err
		}
		rows, err := s.q.LockFree(ctx, tx, w.TierID, int32(w.Count)) //nolint:gosec // at most maxBlocked
		if err != nil {
			return nil, nil, err
		}
		if len(rows) < w.Count {
			return nil, nil, errNotEnough.With("left", len(rows))
		}
		for _, r := range rows {
			ids, old = append(ids, r.ID), appendOther(old, r.ClaimID, uuid.Nil)
		}
		return ids, old, nil
	}
	rows, err := s.q.LockUnits(ctx, tx, event, w.Seats)
	if err != nil {
		return nil, nil, err
	}
	taken := []NamedSeat{}
	for _, r := range rows {
		switch {
		case unitState(r.State) == free || r.Past:
			ids, old = append(ids, r.ID), appendOther(old, r.ClaimID, uuid.Nil)
		case unitState(r.State) != blocked:
			number, _ := hall.Number(r.ID)
			taken = append(taken, named(hall, number))
		}
	}
	if len(taken) > 0 {
		return nil, nil, errSeatsTaken.With("seats", taken)
	}
	return ids, old, nil
}

// Unblock puts blocked units into the sale; seats that are not blocked stay as they are. 422; 409 seats_taken for seats
// that another sale of the show sells, not_enough_left (left) where fewer are blocked, invalid_transition for a draft.
func (s *Service) Unblock(ctx context.Context, event *sale.Snapshot, by uuid.UUID, w Which) error {
	if _, err := s.checkWhich(ctx, event, w, "unblock"); err != nil {
		return err
	}
	return s.organize(ctx, event, "claim.Unblock", func(tx pgx.Tx, state sale.State) error {
		if state == sale.Draft {
			return errNoUnits
		}
		ids, err := s.toUnblock(ctx, tx, event.ID(), w)
		if err != nil || len(ids) == 0 {
			return err
		}
		if _, err := s.q.BlockedToFree(ctx, tx, ids); err != nil {
			if p, ok := errors.AsType[*pgconn.PgError](err); ok && p.ConstraintName == "seat_is_sold_here" {
				return errElsewhere
			}
			return err
		}
		return ledger.Write(ctx, tx, event.ID(), ledger.StockUnblocked, map[string]any{"by": by, "units": ids})
	})
}

func (s *Service) toUnblock(ctx context.Context, tx pgx.Tx, event uuid.UUID, w Which) (ids []uuid.UUID, err error) {
	if w.Seats == nil {
		if err := s.q.LockTier(ctx, tx, w.TierID.String()); err != nil {
			return nil, err
		}
		ids, err = s.q.LockBlocked(ctx, tx, event, w.TierID, int32(w.Count)) //nolint:gosec // at most maxBlocked
		if err == nil && len(ids) < w.Count {
			err = errNotEnough.With("left", len(ids))
		}
		return ids, err
	}
	var rows []claimdb.LockUnitsRow
	if rows, err = s.q.LockUnits(ctx, tx, event, w.Seats); err != nil {
		return nil, err
	}
	for _, r := range rows {
		if unitState(r.State) == blocked {
			ids = append(ids, r.ID)
		}
	}
	return ids, nil
}

// checkWhich says what is wrong with naming these units; path is the field that the seats or the number stand in.
func (s *Service) checkWhich(ctx context.Context, event *sale.Snapshot, w Which, path string) (*catalog.Hall, error) {
	b, err := s.book(ctx, event.ID())
	if err != nil {
		return nil, err
	}
	var wrong []fault.Field
	tier, known := event.Tier(w.TierID)
	switch {
	case w.Seats != nil && w.TierID != uuid.Nil:
		wrong = []fault.Field{{Path: "tier_id", Message: "Name seats, or a number of a tier: not both."}}
	case w.Seats != nil:
		wrong = wrongSeats(b.hall, w.Seats, path, maxBlocked)
	case !known || tier.Seated:
		wrong = []fault.Field{{Path: "tier_id", Message: "Choose a tier of this event without numbered seats, or name the seats."}}
	case w.Count < 1 || w.Count > maxBlocked:
		wrong = []fault.Field{{Path: path, Message: fmt.Sprintf("Name between 1 and %d places.", maxBlocked)}}
	}
	if len(wrong) > 0 {
		return nil, fault.InvalidField(wrong...)
	}
	return b.hall, nil
}

// organize is a transaction of an organizer about the stock of a sale, whose state stays as it is meanwhile; everybody
// sees afterwards what it did, and the next step of the line counts it.
func (s *Service) organize(ctx context.Context, event *sale.Snapshot, name string, do func(tx pgx.Tx, state sale.State) error) error {
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		if err := s.q.Patience(ctx, tx); err != nil {
			return err
		}
		state, err := sale.StateTx(ctx, tx, event.ID())
		if err != nil {
			return err
		}
		return do(tx, state)
	})
	if err != nil {
		return db.Fault(fmt.Errorf("%s: %w", name, err))
	}
	_, err = s.cfg.Sales.Fresh(ctx, event.ID())
	return err
}
