package claim

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/catalog"
	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/db"
	"fairqueue/internal/db/claimdb"
	"fairqueue/internal/ledger"
	"fairqueue/internal/sale"
)

// SeatState is what can be said of a seat to everybody.
type SeatState byte

// The states. A seat that is being paid for is held; one whose hold is past is free.
const (
	SeatSold SeatState = iota
	SeatFree
	SeatHeld
	SeatBlocked
)

func (s SeatState) String() string { return [...]string{"sold", "free", "held", "blocked"}[s] }

// Seats are the seats of an event at one moment, shared and read-only.
type Seats struct {
	*catalog.Hall
	// States are those of the seats by number.
	States []SeatState
	// Version differs where a state does, and is the same in every process.
	Version string
	// View names what is kept from those who see them so; empty where nothing is.
	View string
}

const (
	// seatsFor is how long states are good for a first guess.
	seatsFor = time.Second
	// wholeFor is how long states are kept up by what changes, before all are read again. Nothing depends on it: it bounds
	// what a change that no decision tells of, made by hand in the database, can do to what is shown.
	wholeFor = 10 * time.Second
	// seatsMost is how many decisions are read at most before it is less to read all states.
	seatsMost = 10_000
	// maxBooks bounds the halls in memory; a stadium takes about 10 MB.
	maxBooks = 64
)

// otherKinds are the decisions after which every unit is as it was.
var otherKinds = []string{
	string(ledger.Joined), string(ledger.Called), string(ledger.SaleChanged), string(ledger.Returned), string(ledger.Finished),
	string(ledger.DrawCommitted), string(ledger.DrawFrozen), string(ledger.DrawRooted), string(ledger.BeaconGiven), string(ledger.BeaconWaived),
	string(ledger.SecretRevealed), string(ledger.Drawn),
	string(ledger.StockAdded), string(ledger.PresaleMade), string(ledger.PresaleEnded), string(ledger.PresaleUnlocked),
}

// books are the halls in memory, with what was last read of their seats.
type books struct {
	mu   sync.Mutex
	held map[uuid.UUID]*book
}

type book struct {
	// turn is had by whoever asks the database.
	turn  chan struct{}
	hall  *catalog.Hall // nil: the event has no seat map
	plan  *seatmap.Plan
	picks picks
	last  atomic.Pointer[reading]
	gates gates
	used  time.Time
}

// reading is what is known of the seats at one moment of the database; it never changes.
type reading struct {
	seats *Seats
	// seen are the units by number: what of them is stored.
	seen []seen
	// since is the place in the ledger from which decisions may not have been seen.
	since string
	// nextPast is when the first hold will be past, in microseconds.
	nextPast int64
	// whole and read are this machine's times before all states were read, and the last change was asked for.
	whole, read time.Time
}

// seen is the stored state of a unit. What is being paid for is held for ever.
type seen struct {
	until int64
	state SeatState
}

func (u seen) at(now int64) SeatState {
	if u.state == SeatHeld && u.until <= now {
		return SeatFree
	}
	return u.state
}

// stored returns the seats of an event by their units, as they were at some moment after the call began; nil for an event
// without a seat map. All who ask at once share one question, which is answered with the seats that have changed.
func (s *Service) stored(ctx context.Context, event *sale.Snapshot) (*Seats, error) {
	came := time.Now()
	b, err := s.book(ctx, event.ID())
	if err != nil || b.hall == nil {
		return nil, err
	}
	if !event.Published() {
		return unsold(b.hall), nil
	}
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, db.Fault(ctx.Err())
	}
	defer func() { <-b.turn }()
	last := b.last.Load()
	if last != nil && last.read.After(came) {
		return last.seats, nil
	}
	if last, err = s.look(ctx, s.cfg.DB, event.ID(), b, last); err != nil {
		return nil, err
	}
	b.last.Store(last)
	return last.seats, nil
}

// look brings a reading up to date with what is committed; nil for none yet. c may be a transaction.
func (s *Service) look(ctx context.Context, c claimdb.DBTX, event uuid.UUID, b *book, last *reading) (*reading, error) {
	read := time.Now()
	if last == nil || read.Sub(last.whole) >= wholeFor {
		return s.lookAtAll(ctx, c, event, b, last)
	}
	v, err := s.q.SeatsSince(ctx, c, seatsMost, last.since, event, otherKinds)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("claim.Seats: %w", err))
	}
	if v.Whole {
		return s.lookAtAll(ctx, c, event, b, last)
	}
	next, changed := *last, false
	next.since, next.read = v.Since, read
	for i, id := range v.Ids {
		n, ok := b.hall.Number(id)
		if !ok {
			continue // general admission
		}
		u := seen{until: v.Until[i], state: stateOf[unitState(v.States[i])]}
		if u == next.seen[n] {
			continue
		}
		if !changed {
			next.seen, changed = slices.Clone(last.seen), true
		}
		next.seen[n] = u
	}
	if now := v.Now.UnixMicro(); changed || now >= last.nextPast {
		next.show(b.hall, now)
	}
	return &next, nil
}

// lookAtAll reads the states of all seats.
func (s *Service) lookAtAll(ctx context.Context, c claimdb.DBTX, event uuid.UUID, b *book, last *reading) (*reading, error) {
	next := &reading{seen: make([]seen, len(b.hall.IDs)), whole: time.Now()}
	next.read = next.whole
	v, err := s.q.SeatStates(ctx, c, event)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("claim.Seats: %w", err))
	}
	next.since = v.Since
	for i := range next.seen {
		next.seen[i].until = math.MaxInt64
		if b.hall.Elsewhere(i) {
			next.seen[i].state = SeatBlocked // there is no unit of it
		}
	}
	for _, n := range v.Free {
		next.seen[n].state = SeatFree
	}
	for i, n := range v.Held {
		next.seen[n] = seen{v.Until[i], SeatHeld}
	}
	for _, n := range v.Blocked {
		next.seen[n].state = SeatBlocked
	}
	if last != nil {
		next.seats = last.seats
	}
	next.show(b.hall, v.Now.UnixMicro())
	return next, nil
}

// stateOf is what of a stored state is shown.
var stateOf = map[unitState]SeatState{free: SeatFree, held: SeatHeld, paying: SeatHeld, sold: SeatSold, blocked: SeatBlocked}

// show makes the seats from what is stored, as of a moment. Where nothing is different they stay the same, so that what
// was made of them can be kept.
func (r *reading) show(hall *catalog.Hall, now int64) {
	seats := &Seats{Hall: hall, States: make([]SeatState, len(r.seen))}
	r.nextPast = math.MaxInt64
	for n, u := range r.seen {
		seats.States[n] = u.at(now)
		if u.until > now {
			r.nextPast = min(r.nextPast, u.until)
		}
	}
	if r.seats != nil && slices.Equal(r.seats.States, seats.States) {
		return
	}
	seats.Version = versionOf(seats.States)
	r.seats = seats
}

func versionOf(states []SeatState) string {
	h := fnv.New64a()
	b := make([]byte, len(states))
	for i, s := range states {
		b[i] = byte(s)
	}
	_, _ = h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}

// unsold are the seats of a draft.
func unsold(hall *catalog.Hall) *Seats {
	seats := &Seats{Hall: hall}
	for n := range hall.IDs {
		state := SeatFree
		if hall.Seat(n).Blocked {
			state = SeatBlocked
		}
		seats.States = append(seats.States, state)
	}
	seats.Version = versionOf(seats.States)
	return seats
}

// book returns the hall of an event, from memory or the database.
func (s *Service) book(ctx context.Context, event uuid.UUID) (*book, error) {
	bs := &s.books
	bs.mu.Lock()
	b := bs.held[event]
	if b != nil {
		b.used = time.Now()
	}
	bs.mu.Unlock()
	if b != nil {
		return b, nil
	}
	// Read once for all who ask at the same moment; whoever came first may go away.
	v, err, _ := s.loads.Do(event.String(), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		hall, err := catalog.HallOf(ctx, s.cfg.DB, event)
		if err != nil {
			return nil, err
		}
		return bs.add(event, hall), nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*book), nil
}

const loadTimeout = 10 * time.Second

func (bs *books) add(event uuid.UUID, hall *catalog.Hall) *book {
	b := &book{turn: make(chan struct{}, 1), hall: hall, used: time.Now()}
	if hall != nil {
		b.plan = hall.Map.Plan()
	}
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if len(bs.held) >= maxBooks {
		var oldest uuid.UUID
		for id, other := range bs.held {
			if o := bs.held[oldest]; o == nil || other.used.Before(o.used) {
				oldest = id
			}
		}
		delete(bs.held, oldest)
	}
	if bs.held == nil {
		bs.held = map[uuid.UUID]*book{}
	}
	bs.held[event] = b
	return b
}
