package claim

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/claimdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/money"
)

// granting is one transaction that serves a batch.
type granting struct {
	s     *Service
	key   tierKey
	batch []*member
	wait  bool
	out   []outcome
	// after is the last slot that was given out.
	after int32
	// refused: somebody got nothing because there was nothing.
	refused bool

	spots []uuid.UUID // of the members
	// enter are the spots of those who are let in with this.
	enter  []uuid.UUID
	called []bool
	// found are the members whose claim exists already: a commit that was not heard of had made it.
	found []int
	ended []uuid.UUID // own claims whose hold was past
}

// grantMany gives units to the members of a batch in one transaction of three round trips: who may claim at all; what
// they may hold, and units for all of them; and everything that follows. It decides before it gives anything out, so
// that what is wrong with one member is no matter to the others.
func (s *Service) grantMany(ctx context.Context, key tierKey, b *batcher, batch []*member, wait bool) (*granting, error) {
	g := &granting{s: s, key: key, batch: batch, wait: wait, after: b.after}
	err := db.InTrips(ctx, s.cfg.DB, func(p *db.Pipe) error { return g.do(ctx, p) })
	if err != nil {
		return nil, fmt.Errorf("claim.Hold: %w", err)
	}
	for _, i := range g.found {
		g.out[i].claim, g.out[i].err = s.Get(ctx, batch[i].account, batch[i].id)
	}
	if g.refused {
		soldOut := s.soldOut(ctx, key)
		for i := range g.out {
			if fault.Code(g.out[i].err) == errSoldOut.Code {
				g.out[i].err = soldOut
			}
		}
	}
	return g, nil
}

func (g *granting) do(ctx context.Context, p *db.Pipe) error {
	g.out = make([]outcome, len(g.batch))
	asking, err := g.admit(ctx, p)
	if err != nil || len(asking) == 0 {
		return err
	}
	facts, units, err := g.read(ctx, p, asking)
	if err != nil {
		return err
	}
	granted := g.choose(asking, facts, units)
	return g.write(ctx, p, facts, granted)
}

// admit locks the spots of the members and returns who of them may ask for something.
func (g *granting) admit(ctx context.Context, p *db.Pipe) (asking []int, err error) {
	accounts := make([]uuid.UUID, len(g.batch))
	for i, m := range g.batch {
		accounts[i] = m.account
	}
	admitted, err := g.s.cfg.Queue.AdmitManyTx(ctx, p, g.key.event, accounts)
	if err != nil {
		return nil, err
	}
	g.spots, g.called = make([]uuid.UUID, len(g.batch)), make([]bool, len(g.batch))
	for i, m := range g.batch {
		a, mine := admitted[m.account]
		switch {
		case !mine:
			g.out[i].alone = true
		case a.Err != nil:
			g.out[i].err = a.Err
		default:
			g.spots[i], g.called[i] = a.Spot, a.Called
			asking = append(asking, i)
		}
	}
	return asking, nil
}

// read asks what the members may hold, and locks units for all of them.
func (g *granting) read(ctx context.Context, p *db.Pipe, asking []int) (facts map[uuid.UUID]claimdb.MayHoldRow, units []claimdb.PickUnitsRow, err error) {
	accounts := make([]uuid.UUID, len(asking))
	want := 0
	for n, i := range asking {
		accounts[n] = g.batch[i].account
		want += g.batch[i].request.Quantity
	}
	q := g.s.q
	err = p.Together(ctx, func(tx pgx.Tx) error {
		rows, err := q.MayHold(ctx, tx, accounts, g.key.tier, g.key.event)
		facts = make(map[uuid.UUID]claimdb.MayHoldRow, len(rows))
		for _, row := range rows {
			facts[row.AccountID] = row
			g.ended = append(g.ended, row.Ended...)
		}
		return err
	}, func(tx pgx.Tx) (err error) {
		if err := q.BySlot(ctx, tx); err != nil {
			return err
		}
		if !g.wait {
			units, err = q.PickUnits(ctx, tx, g.key.tier, g.after, int32(want)) //nolint:gosec // at most maxUnits
			return err
		}
		if err := q.LockTier(ctx, tx, g.key.tier.String()); err != nil {
			return err
		}
		rows, err := q.PickUnitsWaiting(ctx, tx, g.key.tier, int32(want)) //nolint:gosec // at most maxUnits
		for _, row := range rows {
			units = append(units, claimdb.PickUnitsRow(row))
		}
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("claim.Hold: %w", err)
	}
	return facts, units, nil
}

// grantedTo is what one member gets.
type grantedTo struct {
	member int
	claim  Claim
	units  []claimdb.PickUnitsRow
}

// choose gives the units out in the order of the members, and leaves out those who may not have them or want more than
// there are.
func (g *granting) choose(asking []int, facts map[uuid.UUID]claimdb.MayHoldRow, units []claimdb.PickUnitsRow) (granted []grantedTo) {
	var short []int
	for _, i := range asking {
		m := g.batch[i]
		now, ok := facts[m.account]
		if !ok {
			g.out[i].err = errNoEvent
			continue
		}
		if now.OpenClaim == m.id {
			g.found = append(g.found, i)
			continue
		}
		if err := m.ask().refusal(now); err != nil {
			g.refuse(i, err)
			continue
		}
		if len(now.Locked) > 0 {
			g.out[i].alone = true // a presale keeps some of these seats from this fan
			continue
		}
		if len(units) < m.request.Quantity {
			short = append(short, i)
			continue
		}
		c := beginAs(m.id, now, g.key.event, m.account)
		mine := units[:m.request.Quantity]
		units = units[m.request.Quantity:]
		for _, u := range mine {
			c.Lines = append(c.Lines, Line{UnitID: u.ID, TierID: g.key.tier, Tier: *now.TierName, Price: money.Kobo(*now.PriceKobo)})
			c.Total += money.Kobo(*now.PriceKobo)
		}
		c.setExtend(seconds(now.HoldSeconds), now.Now)
		g.after = mine[len(mine)-1].Slot
		g.out[i].claim = c
		if g.called[i] {
			g.enter = append(g.enter, g.spots[i])
		}
		granted = append(granted, grantedTo{i, c, mine})
	}
	for _, i := range short {
		switch {
		case !g.wait:
			g.out[i].short = true
		case len(units) == 0:
			g.refused = true
			g.refuse(i, errSoldOut)
		default:
			g.refused = true
			g.refuse(i, errNotEnough.With("left", len(units)))
		}
	}
	return granted
}

// refuse refuses a member, whose visit begins all the same if only somebody who was let in can be told this.
func (g *granting) refuse(i int, err error) {
	g.out[i].err = err
	if g.called[i] && slices.Contains(visits, fault.Code(err)) {
		g.enter = append(g.enter, g.spots[i])
	}
}

// write makes the claims, and everything that follows from them.
func (g *granting) write(ctx context.Context, p *db.Pipe, facts map[uuid.UUID]claimdb.MayHoldRow, granted []grantedTo) error {
	if len(g.enter) > 0 {
		if err := g.s.cfg.Queue.EnterManyTx(ctx, p, g.enter); err != nil {
			return err
		}
	}
	if len(g.ended) > 0 {
		if err := writeAllEnded(ctx, p, g.key.event, g.ended); err != nil {
			return err
		}
	}
	if len(granted) == 0 {
		return nil
	}
	now := facts[g.batch[granted[0].member].account] // of the sale and its tier: the same for all
	first := granted[0].claim
	arg := claimdb.GrantManyParams{
		EventID: g.key.event, TierID: g.key.tier, ExpiresAt: first.ExpiresAt, CapAt: first.CapAt,
		LimitThen: now.MaxTicketsPerFan, PriceKobo: *now.PriceKobo,
	}
	bodies := make([]any, len(granted))
	var old []uuid.UUID
	for n, to := range granted {
		c := to.claim
		arg.ClaimIds, arg.Accounts = append(arg.ClaimIds, c.ID), append(arg.Accounts, c.AccountID)
		arg.Spots, arg.Totals = append(arg.Spots, g.spots[to.member]), append(arg.Totals, int64(c.Total))
		units := make([]uuid.UUID, len(to.units))
		for line, u := range to.units {
			units[line] = u.ID
			arg.Units, arg.OfClaims = append(arg.Units, u.ID), append(arg.OfClaims, c.ID)
			arg.Lines = append(arg.Lines, int32(line+1)) //nolint:gosec // at most maxQuantity
			if u.OldClaim != nil {
				old = append(old, *u.OldClaim)
			}
		}
		bodies[n] = grantedBody{c.ID, g.spots[to.member], units, now.MaxTicketsPerFan}
	}
	if err := g.s.q.GrantMany(ctx, p, arg); err != nil {
		return fmt.Errorf("claim.Hold: %w", err)
	}
	if err := ledger.WriteAll(ctx, p, g.key.event, ledger.ClaimGranted, bodies); err != nil {
		return err
	}
	return endTakenOver(ctx, p, old)
}

// grantedBody is what the ledger keeps of a grant.
type grantedBody struct {
	Claim uuid.UUID   `json:"claim"`
	Spot  uuid.UUID   `json:"spot"`
	Units []uuid.UUID `json:"units"`
	Limit int32       `json:"limit"`
}

func writeAllEnded(ctx context.Context, tx pgx.Tx, event uuid.UUID, claims []uuid.UUID) error {
	bodies := make([]any, len(claims))
	for i, id := range claims {
		bodies[i] = map[string]any{"claim": id, "status": Expired}
	}
	return ledger.WriteAll(ctx, tx, event, ledger.ClaimEnded, bodies)
}
