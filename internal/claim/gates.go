package claim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/db/claimdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

// blocksFor is how long the blocks of presales are believed. Only what is shown and proposed follows from them; what is
// granted is decided by the rows.
const blocksFor = time.Second

// gates are the blocks of seats that presales of an event keep.
type gates struct {
	mu     sync.Mutex
	read   time.Time
	blocks []claimdb.BlocksRow
	kept   map[string]*kept
}

// kept are the seats that somebody may not choose although they are free: a presale keeps them from this fan, or their
// tier is not on sale.
type kept struct {
	key string
	is  []bool
	// The view of the seats that was made last, and of which.
	of, view *Seats
}

// has reports whether the seat is kept; nobody keeps anything where k is nil.
func (k *kept) has(number int) bool { return k != nil && k.is[number] }

// moment is when the sale sells: now, or its opening.
func moment(event *sale.Snapshot) time.Time {
	switch event.State {
	case sale.Draft, sale.Scheduled, sale.Lobby:
		if event.Terms.OpensAt.After(event.At) {
			return event.Terms.OpensAt
		}
	}
	return event.At
}

// keptFrom returns the seats that are kept from an account, or from everybody who has no code for the zero account; nil
// where none are.
func (s *Service) keptFrom(ctx context.Context, event *sale.Snapshot, b *book, account uuid.UUID) (*kept, error) {
	if b == nil || b.hall == nil || !event.Published() {
		return nil, nil //nolint:nilnil // most events keep nothing
	}
	var unlocked []Presale
	var blocks []claimdb.BlocksRow
	var err error
	if event.Presale {
		if blocks, err = s.blocks(ctx, event.ID(), b); err != nil {
			return nil, err
		}
		if account != uuid.Nil {
			if unlocked, err = s.UnlockedBy(ctx, event.ID(), account); err != nil {
				return nil, err
			}
		}
	}
	at := moment(event)
	var shut []int
	for _, t := range event.Tiers {
		open := t.PublicAt == nil || slices.ContainsFunc(unlocked, func(p Presale) bool { return p.TierID == t.ID })
		if t.Seated && (!open || !t.OnSale(at)) {
			shut = append(shut, t.Ordinal)
		}
	}
	locked := slices.DeleteFunc(slices.Clone(blocks), func(r claimdb.BlocksRow) bool {
		return slices.ContainsFunc(unlocked, func(p Presale) bool { return p.ID == r.ID })
	})
	if len(shut) == 0 && len(locked) == 0 {
		return nil, nil //nolint:nilnil // nothing is kept from this fan
	}
	return b.gates.keep(b.hall, shut, locked), nil
}

// keep returns the seats of tiers and blocks; the same for all from whom the same is kept.
func (g *gates) keep(hall *catalog.Hall, shut []int, locked []claimdb.BlocksRow) *kept {
	var key strings.Builder
	for _, t := range shut {
		fmt.Fprintf(&key, "%d ", t)
	}
	for _, r := range locked {
		key.WriteString(r.ID.String() + " ")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if k := g.kept[key.String()]; k != nil {
		return k
	}
	k := &kept{key: key.String(), is: make([]bool, len(hall.IDs))}
	for n := range k.is {
		k.is[n] = slices.Contains(shut, hall.Seat(n).Tier)
	}
	for _, r := range locked {
		for _, n := range r.Numbers {
			k.is[n] = true
		}
	}
	if g.kept == nil || len(g.kept) >= maxBooks {
		g.kept = map[string]*kept{}
	}
	g.kept[key.String()] = k
	return k
}

// blocks are those of the running presales, as of a moment ago.
func (s *Service) blocks(ctx context.Context, event uuid.UUID, b *book) ([]claimdb.BlocksRow, error) {
	g := &b.gates
	g.mu.Lock()
	blocks, fresh := g.blocks, time.Since(g.read) < blocksFor
	g.mu.Unlock()
	if fresh {
		return blocks, nil
	}
	read := time.Now()
	blocks, err := s.q.Blocks(ctx, s.cfg.DB, event)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("claim: blocks: %w", err))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.EqualFunc(g.blocks, blocks, func(a, b claimdb.BlocksRow) bool { return a.ID == b.ID && slices.Equal(a.Numbers, b.Numbers) }) {
		g.kept = nil
	}
	g.blocks, g.read = blocks, read
	return blocks, nil
}

// forget makes the next who asks read the blocks again.
func (g *gates) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.read = time.Time{}
}

// seen is what somebody sees of the seats from whom these are kept. Where nothing is different it stays the same, so that
// what was made of it can be kept.
func (g *gates) seen(k *kept, seats *Seats) *Seats {
	if k == nil || seats == nil {
		return seats
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if k.of == seats {
		return k.view
	}
	view := &Seats{Hall: seats.Hall, States: slices.Clone(seats.States), View: k.key}
	for n, is := range k.is {
		if is && view.States[n] == SeatFree {
			view.States[n] = SeatBlocked
		}
	}
	if k.view == nil || !slices.Equal(k.view.States, view.States) {
		view.Version = versionOf(view.States)
		k.view = view
	}
	k.of = seats
	return k.view
}

// Seats returns the seats of an event as everybody sees them, as they were at some moment after the call began; nil for an
// event without a seat map. Free seats that a presale keeps, or whose tier is not on sale, read blocked.
func (s *Service) Seats(ctx context.Context, event *sale.Snapshot) (*Seats, error) {
	return s.SeatsFor(ctx, event, uuid.Nil)
}

// SeatsFor is Seats as a fan sees them, with what their codes opened. All who see the same get the same Seats.
func (s *Service) SeatsFor(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (*Seats, error) {
	seats, err := s.stored(ctx, event)
	if err != nil || seats == nil {
		return nil, err
	}
	b, err := s.book(ctx, event.ID())
	if err != nil {
		return nil, err
	}
	k, err := s.keptFrom(ctx, event, b, account)
	if err != nil {
		return nil, err
	}
	return b.gates.seen(k, seats), nil
}

// TiersFor are the tiers of an event with what a fan may buy of them now: also what their codes opened.
func (s *Service) TiersFor(ctx context.Context, event *sale.Snapshot, account uuid.UUID) ([]sale.Tier, error) {
	if !event.Presale {
		return event.Tiers, nil
	}
	unlocked, err := s.UnlockedBy(ctx, event.ID(), account)
	if err != nil || len(unlocked) == 0 {
		return event.Tiers, err
	}
	tiers := slices.Clone(event.Tiers)
	for i := range tiers {
		t := &tiers[i]
		if t.PublicAt != nil && slices.ContainsFunc(unlocked, func(p Presale) bool { return p.TierID == t.ID }) && t.OnSale(moment(event)) {
			t.Available, t.Later, t.PublicAt = t.Available+t.Later, 0, nil
		}
	}
	if !slices.ContainsFunc(tiers, func(t sale.Tier) bool { return t.Seated }) {
		return tiers, nil
	}
	seats, err := s.SeatsFor(ctx, event, account)
	if err != nil || seats == nil {
		return tiers, err
	}
	open := make([]int, len(tiers))
	for n, state := range seats.States {
		if state == SeatFree {
			open[seats.Seat(n).Tier]++
		}
	}
	for i := range tiers {
		if t := &tiers[i]; t.Seated {
			t.Available, t.Later = open[t.Ordinal], max(0, t.Available+t.Later-open[t.Ordinal])
		}
	}
	return tiers, nil
}

// errShut says that seats which were chosen in memory are kept from the fan by the rows.
var errShut = errors.New("claim: seats are kept or not on sale")

// shutSeats says which of some seats the fan may not have now, by the rows: 403 presale_only (seats), 409 tier_not_on_sale
// (opens_at).
func (s *Service) shutSeats(ctx context.Context, tx pgx.Tx, now claimdb.MayHoldRow, hall *catalog.Hall, ids []uuid.UUID) error {
	if len(now.Locked) == 0 && !now.Timed || len(ids) == 0 || hall == nil {
		return nil
	}
	locked := now.Locked
	if locked == nil {
		locked = []uuid.UUID{}
	}
	rows, err := s.q.ShutSeats(ctx, tx, locked, ids)
	if err != nil {
		return fmt.Errorf("claim.Hold: kept seats: %w", err)
	}
	gated := []NamedSeat{}
	for _, r := range rows {
		if r.Gated {
			n, _ := hall.Number(r.ID)
			gated = append(gated, named(hall, n))
		}
	}
	switch {
	case len(gated) > 0:
		return refusedShut(errPresaleOnly.With("seats", gated))
	case len(rows) > 0:
		return refusedShut(tierClosed(rows[0].OpensAt, now.Now))
	}
	return nil
}

// refusedShut marks a refusal as one of seats, so that who proposed them can propose others.
func refusedShut(f *fault.Error) error { return f.Because(errShut) }

// tierClosed is the refusal of a tier that is not on sale; opens_at is null where it has closed.
func tierClosed(opens *time.Time, now time.Time) *fault.Error {
	if opens == nil || !opens.After(now) {
		return errTierClosed.With("opens_at", nil)
	}
	return errTierClosed.With("opens_at", opens.UTC())
}

// grantOpen is grant for any seats of a tier of which presales keep some from the fan.
func (s *Service) grantOpen(ctx context.Context, tx pgx.Tx, now claimdb.MayHoldRow, event, account, spot uuid.UUID, r Request) (Claim, error) {
	b, err := s.book(ctx, event)
	if err != nil {
		return Claim{}, err
	}
	if err := s.q.LockTier(ctx, tx, r.TierID.String()); err != nil {
		return Claim{}, fmt.Errorf("claim.Hold: %w", err)
	}
	ids, err := s.q.OpenSeats(ctx, tx, r.TierID, now.Locked, int32(r.Quantity)) //nolint:gosec // at most 50
	if err != nil {
		return Claim{}, fmt.Errorf("claim.Hold: %w", err)
	}
	if len(ids) < r.Quantity {
		return Claim{}, &shortage{left: len(ids)}
	}
	return s.grantSeats(ctx, tx, now, event, account, spot, b, b.numbers(ids), nil)
}
