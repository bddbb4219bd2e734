package claim

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash/fnv"
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
}

const (
	// seatsFor is how long states are believed without a decision being seen.
	seatsFor = time.Second
	// maxBooks bounds the halls in memory; a stadium takes about 10 MB.
	maxBooks = 64
)

// seatKinds are the decisions after which a seat may be another's.
var seatKinds = []string{
	string(ledger.ClaimGranted), string(ledger.ClaimEnded), string(ledger.ClaimHeld), string(ledger.ClaimPaying),
	string(ledger.Settled), string(ledger.RefundChanged), string(ledger.SaleMoved),
}

// books are the halls in memory, with what was last read of their seats.
type books struct {
	mu   sync.Mutex
	held map[uuid.UUID]*book
}

type book struct {
	// turn is had by whoever asks the database.
	turn chan struct{}
	hall *catalog.Hall // nil: the event has no seat map
	// slots are the numbers of the seats of each tier, by slot.
	slots [][]int32
	plan  *seatmap.Plan
	picks picks
	last  atomic.Pointer[reading]
	used  time.Time
}

// reading is what was read, and until when it holds.
type reading struct {
	seats    *Seats
	newest   int64
	nextPast time.Time
	// read and checked are this machine's times before the database was asked.
	read, checked time.Time
}

// Seats returns the seats of an event as they were at some moment after the call began; nil for an event without a seat
// map. All who ask at once share one question; the states of the seats are read again only when a decision about the
// event's units was taken, when a hold has ended, and after a second.
func (s *Service) Seats(ctx context.Context, event *sale.Snapshot) (*Seats, error) {
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
	if last != nil && last.checked.After(came) {
		return last.seats, nil
	}
	checked := time.Now()
	id := event.ID()
	v, err := s.q.SeatsVersion(ctx, s.cfg.DB, seatKinds, &id)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("claim.Seats: %w", err))
	}
	if last == nil || last.newest != v.Newest || !v.Now.Before(last.nextPast) || checked.Sub(last.read) >= seatsFor {
		next := &reading{newest: v.Newest, read: checked}
		if next.seats, next.nextPast, err = s.readSeats(ctx, s.cfg.DB, id, b); err != nil {
			return nil, err
		}
		if last != nil && last.seats.Version == next.seats.Version {
			next.seats = last.seats // what was made of it can be kept
		}
		last = next
	} else {
		again := *last
		last = &again
	}
	last.checked = checked
	b.last.Store(last)
	return last.seats, nil
}

// readSeats reads the states of the seats; c may be a transaction.
func (s *Service) readSeats(ctx context.Context, c claimdb.DBTX, event uuid.UUID, b *book) (*Seats, time.Time, error) {
	rows, err := s.q.SeatStates(ctx, c, event)
	if err != nil {
		return nil, time.Time{}, db.Fault(fmt.Errorf("claim.Seats: %w", err))
	}
	seats := &Seats{Hall: b.hall, States: make([]SeatState, len(b.hall.IDs))}
	nextPast := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, r := range rows {
		slots := b.slots[r.Ordinal]
		for state, list := range map[SeatState][]int32{SeatFree: r.Free, SeatHeld: r.Held, SeatBlocked: r.Blocked} {
			for _, slot := range list {
				seats.States[slots[slot-1]] = state
			}
		}
		if r.NextPast.Before(nextPast) {
			nextPast = r.NextPast
		}
	}
	seats.Version = versionOf(seats.States)
	return seats, nextPast, nil
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
		for n := range hall.IDs {
			s := hall.Seat(n)
			for len(b.slots) <= s.Tier {
				b.slots = append(b.slots, nil)
			}
			b.slots[s.Tier] = append(b.slots[s.Tier], int32(n)) //nolint:gosec // bounded by seatmap
		}
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
