package claim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/db/claimdb"
)

// regain finds places for a success that came after the claim had ended.
func (l *Locked) regain(ctx context.Context, tx pgx.Tx) (moved bool, err error) {
	own, err := queries.CountOwn(ctx, tx, l.EventID, l.AccountID)
	if err != nil {
		return false, fmt.Errorf("claim: regain: %w", err)
	}
	if own+l.lines > int64(l.limit) {
		return false, ErrLimit
	}
	// A savepoint each, so that a failed try lets go of the units it locked:
	// waiting for a tier with units in hand could wait for each other.
	err = db.InTx(ctx, tx, func(tx pgx.Tx) error {
		rows, err := queries.RegainSame(ctx, tx, l.ID)
		if err != nil {
			return fmt.Errorf("claim: regain: %w", err)
		}
		if int64(len(rows)) != l.lines {
			return ErrGone
		}
		old := make([]uuid.UUID, 0, len(rows))
		for _, r := range rows {
			old = appendOther(old, r.OldClaim, l.ID)
		}
		return endTakenOver(ctx, tx, old)
	})
	if !errors.Is(err, ErrGone) {
		return false, err
	}
	return true, db.InTx(ctx, tx, func(tx pgx.Tx) error { return l.regainEqual(ctx, tx) })
}

func (l *Locked) regainEqual(ctx context.Context, tx pgx.Tx) error {
	needed, err := queries.NeededOfTiers(ctx, tx, l.ID)
	if err != nil {
		return fmt.Errorf("claim: regain equal: %w", err)
	}
	for _, n := range needed {
		if err := queries.LockTier(ctx, tx, n.TierID.String()); err != nil {
			return fmt.Errorf("claim: regain equal: %w", err)
		}
	}
	// What a presale keeps for others is nothing equal.
	kept, err := queries.KeptSeats(ctx, tx, l.ID)
	if err != nil {
		return fmt.Errorf("claim: regain equal: %w", err)
	}
	for range seatingTries {
		err := db.InTx(ctx, tx, func(tx pgx.Tx) error { return l.regainSeats(ctx, tx, needed, kept) })
		if !errors.Is(err, errNoSeating) {
			return err
		}
	}
	for _, n := range needed {
		rows, err := queries.RegainEqual(ctx, tx, l.ID, n.TierID, kept, int32(n.Quantity)) //nolint:gosec // lines of one claim
		if err != nil {
			return fmt.Errorf("claim: regain equal: %w", err)
		}
		if int64(len(rows)) != n.Quantity {
			return ErrGone
		}
		got := make([]claimdb.RegainSeatsRow, len(rows))
		for i, r := range rows {
			got[i] = claimdb.RegainSeatsRow(r)
		}
		if err := l.moveTo(ctx, tx, n.TierID, got); err != nil {
			return err
		}
	}
	return nil
}

// seatingTries is how often seats are chosen for a late success, where others who chose seats one by one were faster.
const seatingTries = 3

// errNoSeating: no seats could be chosen, or not all that were chosen could be had.
var errNoSeating = errors.New("claim: no seats were chosen")

// regainSeats gives a late success the nearest seats of the same tiers, side by side where those were if there are such,
// else in as few groups as possible. Its caller holds LockTier. It is rare, so that it may read the hall.
func (l *Locked) regainSeats(ctx context.Context, tx pgx.Tx, needed []claimdb.NeededOfTiersRow, kept []uuid.UUID) error {
	lines, err := readLines(ctx, tx, l.ID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(lines, func(n Line) bool { return n.Seat != nil }) {
		return errNoSeating
	}
	hall, err := catalog.HallOf(ctx, tx, l.EventID)
	if err != nil {
		return err
	}
	may, err := freeSeats(ctx, tx, l.EventID, hall, kept)
	if err != nil {
		return err
	}
	plan := hall.Map.Plan()
	wanted := map[uuid.UUID][]uuid.UUID{} // by tier
	var lost []int
	for _, n := range lines {
		if number, ok := hall.Number(n.UnitID); ok {
			lost = append(lost, number)
		}
	}
	for _, number := range plan.Near(may, lost) {
		tier := lines[slices.IndexFunc(lines, func(n Line) bool {
			old, ok := hall.Number(n.UnitID)
			return ok && hall.Seat(old).Tier == hall.Seat(number).Tier
		})].TierID
		wanted[tier] = append(wanted[tier], hall.IDs[number])
	}
	for _, n := range needed {
		one := slices.IndexFunc(lines, func(line Line) bool { return line.TierID == n.TierID })
		old, seated := hall.Number(lines[one].UnitID)
		if seated && len(wanted[n.TierID]) == 0 {
			numbers, _ := plan.Choose(may, hall.Seat(old).Tier, int(n.Quantity), true)
			for _, number := range numbers {
				wanted[n.TierID] = append(wanted[n.TierID], hall.IDs[number])
			}
		}
		var got []claimdb.RegainSeatsRow
		if seated {
			got, err = queries.RegainSeats(ctx, tx, l.ID, wanted[n.TierID], n.TierID)
		} else {
			var any []claimdb.RegainEqualRow
			any, err = queries.RegainEqual(ctx, tx, l.ID, n.TierID, kept, int32(n.Quantity)) //nolint:gosec // lines of one claim
			for _, r := range any {
				got = append(got, claimdb.RegainSeatsRow(r))
			}
		}
		if err != nil {
			return fmt.Errorf("claim: regain seats: %w", err)
		}
		if int64(len(got)) != n.Quantity {
			return errNoSeating
		}
		if err := l.moveTo(ctx, tx, n.TierID, got); err != nil {
			return err
		}
	}
	return nil
}

// freeSeats are the seats that may be had by the rows as they are now, but for those kept for others.
func freeSeats(ctx context.Context, tx pgx.Tx, event uuid.UUID, hall *catalog.Hall, kept []uuid.UUID) (func(number int) bool, error) {
	v, err := queries.SeatStates(ctx, tx, event)
	if err != nil {
		return nil, fmt.Errorf("claim: regain seats: %w", err)
	}
	is := make([]bool, len(hall.IDs))
	for _, n := range v.Free {
		is[n] = true
	}
	now := v.Now.UnixMicro()
	for i, n := range v.Held {
		is[n] = v.Until[i] <= now && v.Until[i] != math.MaxInt64
	}
	for _, id := range kept {
		if n, ok := hall.Number(id); ok {
			is[n] = false
		}
	}
	return func(i int) bool { return is[i] }, nil
}

// moveTo writes down the units of a tier that took the place of those first held.
func (l *Locked) moveTo(ctx context.Context, tx pgx.Tx, tier uuid.UUID, got []claimdb.RegainSeatsRow) error {
	units := make([]uuid.UUID, 0, len(got))
	var old []uuid.UUID
	for _, r := range got {
		units = append(units, r.ID)
		old = appendOther(old, r.OldClaim, l.ID)
	}
	if err := queries.MoveLines(ctx, tx, l.ID, tier, units); err != nil {
		return fmt.Errorf("claim: regain equal: %w", err)
	}
	return endTakenOver(ctx, tx, old)
}

func appendOther(ids []uuid.UUID, id *uuid.UUID, own uuid.UUID) []uuid.UUID {
	if id == nil || *id == own || slices.Contains(ids, *id) {
		return ids
	}
	return append(ids, *id)
}
