package claim

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/claimdb"
	"fairqueue/internal/ledger"
	"fairqueue/internal/sale"
)

// Change swaps what a claim holds for what r asks for, in one step: the claim keeps its id and its time, or stays as it
// was. Units that are in both selections are never let go of. Refused as Hold would; 404 claim_not_found; 409
// claim_expired, payment_pending.
func (s *Service) Change(ctx context.Context, event *sale.Snapshot, account, id uuid.UUID, r Request) (Claim, error) {
	had, err := s.Get(ctx, account, id)
	if err != nil {
		return Claim{}, err
	}
	if had.EventID != event.ID() {
		return Claim{}, errNotFound
	}
	b, err := s.seatedBook(ctx, event)
	if err != nil {
		return Claim{}, err
	}
	f := fan{account: account, own: map[int]bool{}}
	if b != nil {
		for _, l := range had.Lines {
			if n, ok := b.hall.Number(l.UnitID); ok {
				f.own[n] = true
			}
		}
	}
	w := swap{Service: s, event: event, account: account, claim: id}
	tier, _ := event.Tier(r.TierID)
	var c Claim
	switch {
	case r.Seats != nil:
		c, err = s.very(ctx, event, b, r.Seats, f, func(a ask, judge judge) (Claim, error) {
			return w.run(ctx, a, func(tx pgx.Tx, now claimdb.MayHoldRow) (units, error) {
				return w.seats(ctx, tx, now, b, b.numbers(r.Seats), judge)
			})
		})
	case r.Best && tier.Seated && r.Quantity > 0 && r.Quantity <= maxQuantity:
		if f.kept, err = s.keptFrom(ctx, event, b, account); err != nil {
			return Claim{}, err
		}
		c, err = s.best(ctx, event, b, party{f, tier.Ordinal, r}, func(choose func(tx pgx.Tx) (seating, error)) (Claim, error) {
			return w.run(ctx, r.ask(), func(tx pgx.Tx, now claimdb.MayHoldRow) (units, error) {
				chosen, err := choose(tx)
				if err != nil {
					return units{}, err
				}
				return w.seats(ctx, tx, now, b, chosen.numbers, chosen.judge(b))
			})
		})
	default:
		c, err = w.any(ctx, r)
	}
	if err == nil && b != nil {
		c.seat(b.hall)
	}
	return c, err
}

// swap is a change of one claim.
type swap struct {
	*Service
	event          *sale.Snapshot
	account, claim uuid.UUID
}

// units are what a claim gives back and takes, and the claims, past by now, that those belonged to.
type units struct {
	wanted, freed, taken, old []uuid.UUID
}

// run is one attempt: the claim is locked as for a payment, so that neither comes between the other; choose locks the
// units and says which.
func (w swap) run(ctx context.Context, a ask, choose func(tx pgx.Tx, now claimdb.MayHoldRow) (units, error)) (Claim, error) {
	var c Claim
	err := db.InTx(ctx, w.cfg.DB, func(tx pgx.Tx) error {
		l, err := LockTx(ctx, tx, w.claim)
		if err != nil {
			return err
		}
		found, err := w.q.MayHold(ctx, tx, []uuid.UUID{w.account}, a.tier, l.EventID)
		if err != nil {
			return fmt.Errorf("claim.Change: %w", err)
		}
		if len(found) != 1 {
			return errNoEvent
		}
		now := found[0]
		switch err := a.check(now); {
		case err != nil:
			return err
		case l.Status == Paying:
			return errPaying
		case !l.Holding():
			return errExpired
		}
		// What it holds is given for what it gets, and does not stand in its way.
		now.OpenClaim, now.Own = uuid.Nil, now.Own-l.lines
		if err := a.refusal(now); err != nil {
			return err
		}
		u, err := choose(tx, now)
		if err != nil {
			return err
		}
		if err := w.write(ctx, tx, l, now, u); err != nil {
			return err
		}
		c, err = w.view(ctx, tx, w.account, w.claim)
		return err
	})
	if err != nil {
		return Claim{}, err
	}
	return c, nil
}

// write does what was chosen.
func (w swap) write(ctx context.Context, tx pgx.Tx, l *Locked, now claimdb.MayHoldRow, u units) error {
	if len(u.freed)+len(u.taken) == 0 {
		return nil
	}
	done, err := w.q.SwapUnits(ctx, tx, u.freed, l.ID, u.taken)
	if err != nil {
		return fmt.Errorf("claim.Change: %w", err)
	}
	if done.Freed != int64(len(u.freed)) || done.Taken != int64(len(u.taken)) {
		return fmt.Errorf("claim.Change: claim %s gave %d of %d units for %d of %d, all of them locked", l.ID, done.Freed, len(u.freed), done.Taken, len(u.taken))
	}
	if err := w.q.DropLines(ctx, tx, l.ID); err != nil {
		return fmt.Errorf("claim.Change: %w", err)
	}
	n, err := w.q.WriteLines(ctx, tx, now.MaxTicketsPerFan, l.ID)
	if err != nil {
		return fmt.Errorf("claim.Change: %w", err)
	}
	if n != 1 {
		return errExpired
	}
	if err := endTakenOver(ctx, tx, u.old); err != nil {
		return err
	}
	return ledger.Write(ctx, tx, l.EventID, ledger.ClaimChanged, map[string]any{
		"claim": l.ID, "units": u.wanted, "freed": u.freed, "limit": now.MaxTicketsPerFan,
	})
}

// difference completes what a claim with the units own gives and takes for those it wants.
func difference(own, wanted []uuid.UUID) units {
	u := units{wanted: wanted, freed: []uuid.UUID{}, taken: []uuid.UUID{}}
	for _, id := range own {
		if !slices.Contains(wanted, id) {
			u.freed = append(u.freed, id)
		}
	}
	for _, id := range wanted {
		if !slices.Contains(own, id) {
			u.taken = append(u.taken, id)
		}
	}
	return u
}

// own are the units of the claim, whose row is locked: it keeps them, as its hold is not past.
func (w swap) own(ctx context.Context, tx pgx.Tx) ([]claimdb.OwnUnitsRow, []uuid.UUID, error) {
	rows, err := w.q.OwnUnits(ctx, tx, w.claim)
	if err != nil {
		return nil, nil, fmt.Errorf("claim.Change: %w", err)
	}
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return rows, ids, nil
}

// seats swaps for these seats.
func (w swap) seats(ctx context.Context, tx pgx.Tx, now claimdb.MayHoldRow, b *book, numbers []int, judge judge) (units, error) {
	ids := b.ids(numbers)
	if err := w.shutSeats(ctx, tx, now, b.hall, ids); err != nil {
		return units{}, err
	}
	_, own, err := w.own(ctx, tx)
	if err != nil {
		return units{}, err
	}
	locked, err := w.lockSeats(ctx, tx, b, numbers, b.plan.Around(numbers), own)
	if err != nil {
		return units{}, err
	}
	if err := locked.refusal(b, numbers, w.claim, judge); err != nil {
		return units{}, err
	}
	u := difference(own, ids)
	for _, n := range numbers {
		u.old = appendOther(u.old, locked[n].ClaimID, w.claim)
	}
	return u, nil
}

// any swaps for so many units of a tier, keeping what the claim has of it. Units that others have locked are skipped
// first; who would be refused because of that waits for them, as in holdOrWait.
func (w swap) any(ctx context.Context, r Request) (Claim, error) {
	a := r.ask()
	c, err := w.run(ctx, a, func(tx pgx.Tx, _ claimdb.MayHoldRow) (units, error) { return w.pick(ctx, tx, r) })
	_, short := errors.AsType[*shortage](err)
	for short {
		again := false
		c, err = w.run(ctx, a, func(tx pgx.Tx, _ claimdb.MayHoldRow) (units, error) {
			u, lost, err := w.pickWaiting(ctx, tx, r)
			again = lost
			return u, err
		})
		var e *shortage
		if e, short = errors.AsType[*shortage](err); short && (!again || ctx.Err() != nil) {
			if e.left == 0 {
				return Claim{}, w.soldOut(ctx, tierKey{w.event.ID(), r.TierID})
			}
			return Claim{}, errNotEnough.With("left", e.left)
		}
	}
	return c, err
}

// keeps are the units of the claim that it keeps, as many of the tier as are wanted.
func keeps(own []claimdb.OwnUnitsRow, r Request) []uuid.UUID {
	kept := []uuid.UUID{}
	for _, o := range own {
		if o.TierID == r.TierID && len(kept) < r.Quantity {
			kept = append(kept, o.ID)
		}
	}
	return kept
}

// pick locks the own units first, and then waits for nobody while it has them.
func (w swap) pick(ctx context.Context, tx pgx.Tx, r Request) (units, error) {
	rows, err := w.q.LockOwn(ctx, tx, w.claim)
	if err != nil {
		return units{}, fmt.Errorf("claim.Change: %w", err)
	}
	all := make([]claimdb.OwnUnitsRow, len(rows))
	own := make([]uuid.UUID, len(rows))
	for i, o := range rows {
		all[i], own[i] = claimdb.OwnUnitsRow(o), o.ID
	}
	wanted := keeps(all, r)
	var old []uuid.UUID
	if need := r.Quantity - len(wanted); need > 0 {
		picked, err := w.q.PickUnits(ctx, tx, r.TierID, 0, int32(need)) //nolint:gosec // at most 50
		if err != nil {
			return units{}, fmt.Errorf("claim.Change: %w", err)
		}
		if len(picked) < need {
			return units{}, &shortage{left: len(wanted) + len(picked)}
		}
		for _, p := range picked {
			wanted = append(wanted, p.ID)
			old = appendOther(old, p.OldClaim, w.claim)
		}
	}
	u := difference(own, wanted)
	u.old = old
	return u, nil
}

// pickWaiting takes its turn on the tier and locks own and wanted units in the one order of everybody. lost: what was
// free when it was chosen was somebody's when it was locked.
func (w swap) pickWaiting(ctx context.Context, tx pgx.Tx, r Request) (u units, lost bool, err error) {
	if err := w.q.LockTier(ctx, tx, r.TierID.String()); err != nil {
		return u, false, fmt.Errorf("claim.Change: %w", err)
	}
	rows, own, err := w.own(ctx, tx)
	if err != nil {
		return u, false, err
	}
	wanted := keeps(rows, r)
	kept := len(wanted)
	if need := r.Quantity - kept; need > 0 {
		picked, err := w.q.FreeUnits(ctx, tx, r.TierID, int32(need)) //nolint:gosec // at most 50
		if err != nil {
			return u, false, fmt.Errorf("claim.Change: %w", err)
		}
		wanted = append(wanted, picked...)
	}
	locked, err := w.q.LockSeats(ctx, tx, append(slices.Clone(own), wanted[kept:]...))
	if err != nil {
		return u, false, fmt.Errorf("claim.Change: %w", err)
	}
	u = difference(own, wanted)
	for _, l := range locked {
		if !slices.Contains(u.taken, l.ID) {
			continue
		}
		if !l.Takeable {
			return u, true, &shortage{}
		}
		u.old = appendOther(u.old, l.ClaimID, w.claim)
	}
	if len(wanted) < r.Quantity {
		return u, false, &shortage{left: len(wanted)}
	}
	return u, false, nil
}
