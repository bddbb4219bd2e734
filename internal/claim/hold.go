package claim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/claimdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/money"
	"fairqueue/internal/sale"
)

// maxQuantity is the most one request may ask for.
const maxQuantity = 50

var (
	errSoldOut   = fault.New(fault.Conflict, "sold_out", "All tickets of this kind are sold. Choose another kind, if there is one.")
	errAllHeld   = fault.New(fault.Conflict, "sold_out", "The last tickets of this kind are in other people's baskets right now. Some usually come back: try again in a moment, or choose another kind.")
	errNotEnough = fault.New(fault.Conflict, "not_enough_left", "There are fewer tickets left than you asked for. Choose a smaller number.")
	errLimit     = fault.New(fault.Conflict, "limit_reached", "That is more tickets than one person may have for this event.")
	errOpenClaim = fault.New(fault.Conflict, "claim_open", "You are already holding tickets for this event. Finish or release them first.")
)

// shortage says how many units there were when there were too few.
type shortage struct{ left int }

func (e *shortage) Error() string { return "claim: " + strconv.Itoa(e.left) + " units" }

// Hold claims units for a fan who is called or inside; all or nothing. 403 not_admitted, admission_expired; 409 sold_out,
// not_enough_left (left), seats_taken (seats), limit_reached (left), claim_open (claim_id), sale_not_open; 422 for a quantity
// outside 1–50, a tier or a seat of another event, and orphan_seat (seat).
func (s *Service) Hold(ctx context.Context, event *sale.Snapshot, account uuid.UUID, r Request) (Claim, error) {
	b, err := s.seatedBook(ctx, event)
	if err != nil {
		return Claim{}, err
	}
	var c Claim
	tier, _ := event.Tier(r.TierID)
	switch {
	case r.Seats != nil:
		c, err = s.holdSeats(ctx, event, account, b, r.Seats)
	case r.Best && tier.Seated && r.Quantity > 0 && r.Quantity <= maxQuantity:
		c, err = s.holdBest(ctx, event, account, b, tier.Ordinal, r)
	default:
		var decided bool
		if c, decided, err = s.holdTogether(ctx, event, account, r); decided {
			if err == nil && b != nil {
				c.seat(b.hall)
			}
			return c, err
		}
		c, err = s.holdOrWait(ctx, event.ID(), account, r)
		if fault.Code(err) == errSoldOut.Code {
			if err = s.soldOut(ctx, tierKey{event.ID(), r.TierID}); tier.Seated && event.Presale && tier.Later > 0 {
				err = errKeptLeft
			}
		}
	}
	if err == nil && b != nil {
		c.seat(b.hall)
	}
	if !slices.Contains(visits, fault.Code(err)) {
		return c, err
	}
	if entering := s.enter(ctx, event.ID(), account); entering != nil {
		return Claim{}, entering
	}
	return c, err
}

// soldOut says that there is nothing left of a tier: what is only held may come back, what is sold is gone.
func (s *Service) soldOut(ctx context.Context, of tierKey) error {
	held, err := s.q.HeldOfTier(ctx, s.cfg.DB, of.event, of.tier)
	switch {
	case err != nil:
		return db.Fault(fmt.Errorf("claim.Hold: %w", err))
	case held > 0:
		return errAllHeld.With("held", held)
	}
	return errSoldOut.With("held", held)
}

// enter keeps a fan inside whose claim was refused: what their admission did was rolled back with the claim. Whose turn
// has run out since hears what was decided while it ran.
func (s *Service) enter(ctx context.Context, event, account uuid.UUID) error {
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		_, err := s.cfg.Queue.AdmitTx(ctx, tx, event, account)
		return err
	})
	if code := fault.Code(err); code == "admission_expired" || code == "not_admitted" {
		return nil
	}
	return err
}

// visits are the refusals that only a fan who was let in can get: the first use of an admission makes them inside,
// whether they got anything or not.
var visits = []string{"sold_out", "not_enough_left", "limit_reached", "seats_taken"}

// holdOrWait refuses for want of units only after it has waited for those that others have locked.
func (s *Service) holdOrWait(ctx context.Context, event, account uuid.UUID, r Request) (Claim, error) {
	c, err := s.hold(ctx, event, account, r, false)
	if _, short := errors.AsType[*shortage](err); !short {
		return c, err
	}
	// Rolled back, so that nothing picked stays locked; now wait for those who
	// have units locked, instead of believing that they will keep them.
	c, err = s.hold(ctx, event, account, r, true)
	if e, short := errors.AsType[*shortage](err); short {
		if e.left == 0 {
			return Claim{}, errSoldOut
		}
		return Claim{}, errNotEnough.With("left", e.left)
	}
	return c, err
}

// hold is one attempt: a transaction of its own. With wait it takes its turn on
// the tier and waits for locked units; without, it skips them.
func (s *Service) hold(ctx context.Context, event, account uuid.UUID, r Request, wait bool) (Claim, error) {
	return s.inVisit(ctx, event, account, r.ask(), func(tx pgx.Tx, now claimdb.MayHoldRow, spot uuid.UUID) (Claim, error) {
		if err := s.q.BySlot(ctx, tx); err != nil {
			return Claim{}, fmt.Errorf("claim.Hold: %w", err)
		}
		if wait {
			if err := s.q.LockTier(ctx, tx, r.TierID.String()); err != nil {
				return Claim{}, fmt.Errorf("claim.Hold: %w", err)
			}
		}
		return s.grant(ctx, tx, now, event, account, spot, r, wait)
	})
}

// ask is how many units a fan asks for, of which tier if it is known, and what is wrong with asking for them.
type ask struct {
	tier     uuid.UUID
	quantity int
	check    func(now claimdb.MayHoldRow) error
	// shut says which of the seats, where some are asked for, are kept from the fan; nil for none.
	shut func(tx pgx.Tx, now claimdb.MayHoldRow) error
}

func (r Request) ask() ask { return ask{tier: r.TierID, quantity: r.Quantity, check: r.check} }

func (r Request) check(now claimdb.MayHoldRow) error {
	switch {
	case r.Quantity < 1 || r.Quantity > maxQuantity:
		return fault.InvalidField(fault.Field{Path: "quantity", Message: "Choose between 1 and 50 tickets."})
	case now.TierID == nil:
		return fault.InvalidField(fault.Field{Path: "tier_id", Message: "Choose one of the ticket kinds of this event."})
	}
	return nil
}

// mayHold decides, under the lock of the spot, whether the fan may have this
// many more units. It ends the fan's own past hold.
func (s *Service) mayHold(ctx context.Context, tx pgx.Tx, event, account uuid.UUID, r ask) (claimdb.MayHoldRow, error) {
	rows, err := s.q.MayHold(ctx, tx, []uuid.UUID{account}, r.tier, event)
	if err != nil {
		return claimdb.MayHoldRow{}, fmt.Errorf("claim.Hold: %w", err)
	}
	if len(rows) != 1 {
		return claimdb.MayHoldRow{}, errNoEvent
	}
	now := rows[0]
	if err := r.refusal(now); err != nil {
		return now, err
	}
	for _, id := range now.Ended {
		if err := writeEnded(ctx, tx, event, id, Expired); err != nil {
			return now, err
		}
	}
	return now, nil
}

// refusal is why the fan may not have what they ask for, by the rows; nil if they may. Every way to units goes
// through it, one fan at a time or many: the limit and the rules of a tier are decided here.
func (a ask) refusal(now claimdb.MayHoldRow) error {
	if now.Gated {
		return errPresaleOnly
	}
	if err := a.check(now); err != nil {
		return err
	}
	left := max(0, int64(now.MaxTicketsPerFan)-now.Own)
	st := sale.State(now.State)
	switch {
	case st != sale.Open && st != sale.Paused: // paused: whoever is inside may finish
		return errNotOpen
	case !now.TierOnSale:
		return tierClosed(now.TierOpensAt, now.Now)
	case now.OpenClaim != uuid.Nil:
		return errOpenClaim.With("claim_id", now.OpenClaim)
	case int64(a.quantity) > left:
		return errLimit.With("left", left)
	}
	return nil
}

// grant takes the units and makes the claim: one statement, then what follows
// from whose units they were. grantMany does it for many fans.
func (s *Service) grant(ctx context.Context, tx pgx.Tx, now claimdb.MayHoldRow, event, account, spot uuid.UUID, r Request, wait bool) (Claim, error) {
	if len(now.Locked) > 0 {
		return s.grantOpen(ctx, tx, now, event, account, spot, r)
	}
	c, err := begin(now, event, account)
	if err != nil {
		return Claim{}, err
	}
	price := *now.PriceKobo
	taken, err := s.take(ctx, tx, claimdb.GrantParams{
		TierID: r.TierID, Quantity: int32(r.Quantity), ClaimID: c.ID, EventID: event, AccountID: account, SpotID: spot, //nolint:gosec // at most 50
		TotalKobo: price * int64(r.Quantity), ExpiresAt: c.ExpiresAt, CapAt: c.CapAt,
		LimitThen: now.MaxTicketsPerFan, PriceKobo: price,
	}, wait)
	if err != nil {
		return Claim{}, fmt.Errorf("claim.Hold: %w", err)
	}
	if len(taken) < r.Quantity {
		return Claim{}, &shortage{left: len(taken)}
	}
	old := make([]uuid.UUID, 0, len(taken))
	for _, t := range taken {
		if t.OldClaim != nil {
			old = append(old, *t.OldClaim)
		}
		c.Lines = append(c.Lines, Line{UnitID: t.ID, TierID: r.TierID, Tier: *now.TierName, Price: money.Kobo(price)})
	}
	return c.granted(ctx, tx, now, spot, old)
}

// begin is a claim that is being made, without its units.
func begin(now claimdb.MayHoldRow, event, account uuid.UUID) (Claim, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Claim{}, fmt.Errorf("claim.Hold: %w", err)
	}
	return beginAs(id, now, event, account), nil
}

func beginAs(id uuid.UUID, now claimdb.MayHoldRow, event, account uuid.UUID) Claim {
	hold := seconds(now.HoldSeconds)
	return Claim{
		ID: id, EventID: event, AccountID: account, Status: Held, CreatedAt: now.Now,
		ExpiresAt: now.Now.Add(hold), CapAt: now.Now.Add(max(3*hold, minCap)),
	}
}

// granted completes a claim that has its units, which were those of the claims old, and writes it down.
func (c Claim) granted(ctx context.Context, tx pgx.Tx, now claimdb.MayHoldRow, spot uuid.UUID, old []uuid.UUID) (Claim, error) {
	units := make([]uuid.UUID, len(c.Lines))
	for i, l := range c.Lines {
		units[i] = l.UnitID
		c.Total += l.Price
	}
	c.setExtend(seconds(now.HoldSeconds), now.Now)
	if err := endTakenOver(ctx, tx, old); err != nil {
		return Claim{}, err
	}
	err := ledger.Write(ctx, tx, c.EventID, ledger.ClaimGranted, grantedBody{c.ID, spot, units, now.MaxTicketsPerFan})
	return c, err
}

func (s *Service) take(ctx context.Context, tx pgx.Tx, p claimdb.GrantParams, wait bool) ([]claimdb.GrantRow, error) {
	if !wait {
		return s.q.Grant(ctx, tx, p)
	}
	rows, err := s.q.GrantWaiting(ctx, tx, claimdb.GrantWaitingParams(p))
	out := make([]claimdb.GrantRow, len(rows))
	for i, row := range rows {
		out[i] = claimdb.GrantRow(row)
	}
	return out, err
}

// endTakenOver ends, as a whole, the past claims whose units were just taken:
// their other units are free at once, and their page says expired.
func endTakenOver(ctx context.Context, tx pgx.Tx, old []uuid.UUID) error {
	if len(old) == 0 {
		return nil
	}
	ended, err := queries.ExpirePast(ctx, tx, old)
	if err != nil {
		return fmt.Errorf("claim: end claims taken over: %w", err)
	}
	if err := queries.FreePast(ctx, tx, old); err != nil {
		return fmt.Errorf("claim: end claims taken over: %w", err)
	}
	for _, e := range ended {
		if err := writeEnded(ctx, tx, e.EventID, e.ID, Expired); err != nil {
			return err
		}
	}
	return nil
}

func writeEnded(ctx context.Context, tx pgx.Tx, event, claim uuid.UUID, status Status) error {
	return ledger.Write(ctx, tx, event, ledger.ClaimEnded, map[string]any{"claim": claim, "status": status})
}
