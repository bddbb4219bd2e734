package queue

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/sale"
	"fairqueue/internal/shuffle"
)

// order is the one place where arrivals become numbers and back. In fifo sales
// they are the same; in a draw the lobby's numbers follow from the seed, and who
// came later stands behind, numbered by arrival.
type order struct {
	known bool
	// lobby is how many numbers are drawn; 0 for none.
	lobby int64
	seed  [32]byte
	// tables are nil until they are made; then number and arrival are a look-up.
	tables *tables
}

// number is the place of an arrival in the order of admission; false until it is known.
func (o order) number(arrival int64) (int64, bool) {
	switch {
	case !o.known:
		return 0, false
	case arrival > o.lobby || arrival < 1:
		return arrival, true
	case o.tables != nil:
		return 1 + int64(o.tables.number[arrival-1]), true
	}
	return 1 + int64(shuffle.Index(uint64(arrival-1), uint64(o.lobby), o.seed)), true //nolint:gosec // both positive, below 2³²
}

// arrival is the other way, for an order that is known.
func (o order) arrival(number int64) int64 {
	switch {
	case number > o.lobby || number < 1:
		return number
	case o.tables != nil:
		return 1 + int64(o.tables.arrival[number-1])
	}
	return 1 + int64(shuffle.Inverse(uint64(number-1), uint64(o.lobby), o.seed)) //nolint:gosec // both positive, below 2³²
}

// order is that of a picture.
func (s *Service) order(event *sale.Snapshot) order {
	var seed []byte
	if event.Draw != nil && event.Draw.Seed != nil {
		seed = event.Draw.Seed[:]
	}
	return s.orderOf(event.ID(), event.Terms.Ordering, event.OpenedAt != nil, event.LobbySize, seed, event.State != sale.Ended)
}

// placeOrder is that of the moment a place was read.
func (s *Service) placeOrder(event uuid.UUID, p queuedb.PlaceRow) order {
	return s.orderOf(event, sale.Ordering(p.Ordering), p.OpenedAt != nil, p.LobbySize, p.Seed, sale.State(p.State) != sale.Ended)
}

// orderTx is that of a line whose head the caller has locked. The seed is read by a statement of its own: the one that
// waited for the lock may have looked at the draw before it was held.
func (s *Service) orderTx(ctx context.Context, tx pgx.Tx, event uuid.UUID, h queuedb.LockHeadRow) (order, error) {
	var seed []byte
	if sale.Ordering(h.Ordering) == sale.Draw && h.OpenedAt != nil {
		switch d, err := queuedb.New().Draw(ctx, tx, event); {
		case db.NoRows(err):
		case err != nil:
			return order{}, err
		case len(d.Seed) != 32:
			return order{}, fmt.Errorf("event %s is open and its draw was not held", event)
		default:
			seed = d.Seed
		}
	}
	return s.orderOf(event, sale.Ordering(h.Ordering), h.OpenedAt != nil, h.LobbySize, seed, true), nil
}

// orderOf makes an order of its facts. A draw sale that was opened without a seed is one from before there were draws:
// its numbers are its arrivals.
func (s *Service) orderOf(event uuid.UUID, ordering sale.Ordering, opened bool, lobby *int64, seed []byte, live bool) order {
	switch {
	case ordering != sale.Draw:
		return order{known: true}
	case !opened:
		return order{}
	case len(seed) != 32 || lobby == nil:
		return order{known: true}
	}
	o := order{known: true, lobby: *lobby, seed: [32]byte(seed)}
	o.tables = s.orders.find(event, o)
	if o.tables == nil && live && o.lobby > 0 {
		s.makeTables(event, o)
	}
	return o
}

// waitingTx counts who waits in a line whose head the caller has locked: numbers not called yet, without those who left,
// with those who asked for another turn.
func (s *Service) waitingTx(ctx context.Context, tx pgx.Tx, event uuid.UUID, h queuedb.LockHeadRow) (int64, error) {
	o, err := s.orderTx(ctx, tx, event, h)
	if err != nil {
		return 0, err
	}
	// Beyond the lobby numbers are arrivals, so those served need not be looked at.
	beyond := int64(0)
	if h.Serving >= o.lobby {
		beyond = h.Serving
	}
	rows, err := queuedb.New().Gone(ctx, tx, event, beyond)
	if err != nil {
		return 0, err
	}
	waiting := h.Arrivals - h.Serving
	for _, r := range rows {
		n, known := o.number(r.Arrival)
		switch served := known && n <= h.Serving; {
		case r.Gone && !served:
			waiting--
		case !r.Gone && served:
			waiting++
		}
	}
	return waiting, nil
}

const (
	// maxOrders bounds the sales whose tables are kept: 8 bytes a fan each.
	maxOrders = 64
	// maxTable is the largest lobby that gets tables; beyond it numbers are computed one by one.
	maxTable = 1 << 24
)

// tables are an order in both directions, positions from 0.
type tables struct {
	seed            [32]byte
	number, arrival []uint32
}

// orders holds the tables of the sales that are drawn. Readers take a map that is never changed, without a lock.
type orders struct {
	made atomic.Pointer[map[uuid.UUID]*tables]

	mu     sync.Mutex
	making map[uuid.UUID]bool
	// age is the order in which they were made: the oldest makes room.
	age []uuid.UUID
}

// find returns the tables of exactly this order, or nil.
func (c *orders) find(event uuid.UUID, o order) *tables {
	made := c.made.Load()
	if made == nil {
		return nil
	}
	t := (*made)[event]
	if t == nil || t.seed != o.seed || int64(len(t.number)) != o.lobby {
		return nil
	}
	return t
}

// makeTables makes the tables of an order once, beside those who ask: until they are there, single numbers are
// computed. Close waits for it.
func (s *Service) makeTables(event uuid.UUID, o order) {
	if o.lobby > maxTable {
		return
	}
	c := &s.orders
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.making[event] || c.find(event, o) != nil {
		return
	}
	if c.making == nil {
		c.making = map[uuid.UUID]bool{}
	}
	c.making[event] = s.beside(func() {
		t := &tables{seed: o.seed, number: shuffle.Table(int(o.lobby), o.seed)}
		t.arrival = shuffle.Invert(t.number)
		c.put(event, t)
	})
}

func (c *orders) put(event uuid.UUID, t *tables) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.making, event)
	next := map[uuid.UUID]*tables{event: t}
	if made := c.made.Load(); made != nil {
		for id, old := range *made {
			if id != event {
				next[id] = old
			}
		}
	}
	c.age = append(c.age, event)
	for len(next) > maxOrders {
		if c.age[0] != event {
			delete(next, c.age[0])
		}
		c.age = c.age[1:]
	}
	c.made.Store(&next)
}
