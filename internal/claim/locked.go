package claim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/money"
	"fairqueue/internal/sale"
)

// Locked is a claim whose spot and row are locked by the caller's transaction.
type Locked struct {
	ID, EventID, AccountID, SpotID uuid.UUID
	// Status is the stored one; Holding tells whether a held one still holds.
	Status    Status
	Now       time.Time
	ExpiresAt time.Time
	CapAt     time.Time
	Total     money.Kobo

	lines     int64
	limit     int
	hold      time.Duration
	saleState sale.State
}

// Holding reports whether the claim is held and not past.
func (l *Locked) Holding() bool { return l.Status == Held && l.Now.Before(l.ExpiresAt) }

// Quantity is how many places the claim is for.
func (l *Locked) Quantity() int { return int(l.lines) }

// LockTx locks the fan's spots in all sales of the show and then the claim; 404 claim_not_found.
func LockTx(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*Locked, error) {
	spot, err := queries.SpotOf(ctx, tx, id)
	if db.NoRows(err) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("claim.LockTx: %w", err)
	}
	if _, err := queries.LockSpots(ctx, tx, spot); err != nil {
		return nil, fmt.Errorf("claim.LockTx: %w", err)
	}
	row, err := queries.LockClaim(ctx, tx, id)
	if err != nil {
		return nil, fmt.Errorf("claim.LockTx: %w", err)
	}
	return &Locked{
		ID: row.ID, EventID: row.EventID, AccountID: row.AccountID, SpotID: row.SpotID,
		Status: Status(row.Status), Now: row.Now, ExpiresAt: row.ExpiresAt, CapAt: row.CapAt,
		Total: money.Kobo(row.TotalKobo), lines: row.Lines, limit: int(row.MaxTicketsPerFan),
		hold: seconds(row.HoldSeconds), saleState: sale.State(row.SaleState),
	}, nil
}

// PayTx moves the claim and its units from held to paying; from then on time
// alone does not end it. 409 claim_expired.
func (l *Locked) PayTx(ctx context.Context, tx pgx.Tx) error {
	n, err := queries.ClaimToPaying(ctx, tx, l.ID, from(moves, Paying))
	if err != nil {
		return fmt.Errorf("claim.PayTx: %w", err)
	}
	if n != 1 {
		return errExpired
	}
	n, err = queries.UnitsToPaying(ctx, tx, l.ID, from(unitMoves, paying))
	if err != nil {
		return fmt.Errorf("claim.PayTx: %w", err)
	}
	if n != l.lines {
		// Somebody took a unit when the hold was past; the caller's transaction is undone.
		return errExpired
	}
	l.Status = Paying
	return nil
}

// reholdAtLeast is what is left of a hold, at least, after a payment failed.
const reholdAtLeast = 120 * time.Second

// ReholdTx gives a claim whose payment failed back to its fan: held for what is
// left of the hold, at least 120 s, never past the cap; expired if the cap is past.
func (l *Locked) ReholdTx(ctx context.Context, tx pgx.Tx) error {
	until := l.ExpiresAt
	if least := l.Now.Add(reholdAtLeast); until.Before(least) {
		until = least
	}
	if until.After(l.CapAt) {
		until = l.CapAt
	}
	if !until.After(l.Now) {
		return l.EndTx(ctx, tx, Expired)
	}
	return l.holdUntil(ctx, tx, until)
}

func (l *Locked) holdUntil(ctx context.Context, tx pgx.Tx, until time.Time) error {
	n, err := queries.ClaimToHeld(ctx, tx, until, l.ID, from(moves, Held))
	if err != nil {
		return fmt.Errorf("claim: hold until: %w", err)
	}
	if n != 1 {
		return errExpired
	}
	n, err = queries.UnitsToHeld(ctx, tx, until, l.ID, from(unitMoves, held))
	if err != nil {
		return fmt.Errorf("claim: hold until: %w", err)
	}
	if n != l.lines {
		return errExpired
	}
	l.Status, l.ExpiresAt = Held, until
	return writeHeld(ctx, tx, l)
}

// EndTx ends a claim that is held or paying, as expired or released, and frees
// its units at once. On a claim that has ended it does nothing.
func (l *Locked) EndTx(ctx context.Context, tx pgx.Tx, status Status) error {
	if status == Released && l.Status == Held && !l.Holding() {
		status = Expired
	}
	n, err := queries.EndClaim(ctx, tx, string(status), l.ID, from(moves, status))
	if err != nil {
		return fmt.Errorf("claim.EndTx: %w", err)
	}
	if n == 0 {
		return nil
	}
	if _, err := queries.UnitsToFree(ctx, tx, l.ID, from(unitMoves, free)); err != nil {
		return fmt.Errorf("claim.EndTx: %w", err)
	}
	l.Status = status
	return writeEnded(ctx, tx, l.EventID, l.ID, status)
}

// Why a success of a payment cannot become tickets; the money goes back.
var (
	// ErrPaid: the claim was paid by another payment.
	ErrPaid = errors.New("claim: paid already")
	// ErrGone: the hold had ended and neither the same nor equal units are left.
	ErrGone = errors.New("claim: units are gone")
	// ErrLimit: the hold had ended and the fan has bought others since, up to the limit.
	ErrLimit = errors.New("claim: above the limit")
)

// Confirmed is a claim that has just been paid.
type Confirmed struct {
	Lines []Line
	// Moved reports that equal units took the place of those first held.
	Moved bool
	// LimitBought reports that the fan has bought all they may in this sale of the show or in another.
	LimitBought bool
}

// ConfirmTx makes the claim paid and its units sold. If the claim has ended
// since, it takes the same units if all are still free, else equal ones of the
// tier, else fails with ErrGone, ErrLimit or ErrPaid, having changed nothing.
func (l *Locked) ConfirmTx(ctx context.Context, tx pgx.Tx) (Confirmed, error) {
	var out Confirmed
	switch {
	case l.Status == Paid || l.Status == Refunded:
		return out, ErrPaid
	case l.Status == Paying || l.Holding():
		n, err := queries.UnitsToSold(ctx, tx, l.ID, from(unitMoves, sold))
		if err != nil {
			return out, fmt.Errorf("claim.ConfirmTx: %w", err)
		}
		if n != l.lines {
			return out, fmt.Errorf("claim.ConfirmTx: claim %s is %s with %d of %d units", l.ID, l.Status, n, l.lines)
		}
	default:
		moved, err := l.regain(ctx, tx)
		if err != nil {
			return out, err
		}
		out.Moved = moved
	}
	n, err := queries.ClaimToPaid(ctx, tx, out.Moved, l.ID, from(moves, Paid))
	if err != nil {
		return out, fmt.Errorf("claim.ConfirmTx: %w", err)
	}
	if n != 1 {
		return out, fmt.Errorf("claim.ConfirmTx: claim %s cannot become paid from %s", l.ID, l.Status)
	}
	l.Status = Paid
	if out.Lines, err = readLines(ctx, tx, l.ID); err != nil {
		return out, err
	}
	if out.LimitBought, err = queries.LimitBought(ctx, tx, l.EventID, l.AccountID); err != nil {
		return out, fmt.Errorf("claim.ConfirmTx: %w", err)
	}
	return out, nil
}
