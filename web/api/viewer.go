package api

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/account"
	"fairqueue/internal/fault"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/web/stream"
)

const (
	// lookAgain is the shortest time between two looks at the place of a fan
	// whose turn does not follow from serving alone; lookSeldom the longest.
	lookAgain  = 5 * time.Second
	lookSeldom = 20 * time.Second
	// lookRetry is when a look that failed is tried again: it may be their turn.
	lookRetry = 2 * time.Second
	// lookTimeout bounds one look.
	lookTimeout = 5 * time.Second
	// signEvery is how often an open stream counts as a sign of its fan.
	signEvery = 10 * time.Second
	// lookers is how many looks are under way at most. The database reads those
	// that come together in one query.
	lookers = 16

	never  = time.Duration(math.MaxInt64)
	nobody = int64(math.MaxInt64)
)

// viewer is the fan behind a stream. A writer asks it at every tick whether its
// place must be looked at (Beat: arithmetic only); a looker then does, one at a
// time for each viewer. There are tens of thousands: it holds no View.
type viewer struct {
	room *room

	// The credential that the stream was opened with, as far as it can end.
	account         uuid.UUID
	credential      [16]byte
	issued, expires int64 // unix seconds

	number atomic.Int64 // 0 until known
	// What the next look waits for: a time since the hub was made, a value of
	// serving, the end of the lobby. All are never while a look is under way.
	next  atomic.Int64
	turn  atomic.Int64
	lobby atomic.Bool
	// gone: the credential has ended; the stream goes on as everybody's.
	gone atomic.Bool

	signed time.Duration // of the last sign; owned by the writer

	// Owned by whoever looks.
	spot    uuid.UUID
	arrival int64
	told    bool
	patient time.Duration
}

// newViewer returns the viewer of a stream; spot may be zero: the first look finds it.
func newViewer(r *room, who account.Identity, spot queue.Spot) *viewer {
	v := &viewer{
		room: r, account: who.AccountID, credential: who.Credential, issued: who.Issued.Unix(), expires: who.Expires.Unix(),
		spot: spot.ID, arrival: spot.Arrival, signed: -signEvery,
	}
	v.turn.Store(nobody)
	return v
}

// identity is the credential again, for a second look at whether it still counts.
func (v *viewer) identity() account.Identity {
	return account.Identity{
		AccountID: v.account, Credential: v.credential,
		Issued: time.Unix(v.issued, 0).UTC(), Expires: time.Unix(v.expires, 0).UTC(),
	}
}

// Beat asks for a look where one is due. It runs in a writer.
func (v *viewer) Beat(s *stream.Stream, now time.Duration) {
	if v.gone.Load() {
		return
	}
	t := v.room.latest.Load()
	called := t.number >= v.turn.Load()
	if called || now >= time.Duration(v.next.Load()) || v.lobby.Load() && !beforeOpening(t.state) {
		v.rest()
		v.room.hub.looks.add(look{v, s}, called)
	}
	if n := v.number.Load(); n > t.number && now-v.signed >= signEvery {
		v.signed = now
		v.room.hub.looks.sign(v, n)
	}
}

// rest waits for nothing.
func (v *viewer) rest() {
	v.next.Store(int64(never))
	v.turn.Store(nobody)
	v.lobby.Store(false)
}

func beforeOpening(s sale.State) bool {
	return s == sale.Lobby || s == sale.Scheduled || s == sale.Draft
}

// after sets the time of the next look, spread a little.
func (v *viewer) after(d time.Duration) {
	v.next.Store(int64(v.room.hub.streams.Now() + d + spread(d/4)))
}

// seldom is after for a place that will hardly change: each time later.
func (v *viewer) seldom() {
	v.patient = min(max(2*v.patient, lookAgain), lookSeldom)
	v.after(v.patient)
}

// saw takes in what a look found and returns what the fan must be told, or nothing.
func (v *viewer) saw(p queue.View) []byte {
	v.spot, v.arrival = p.SpotID, p.Arrival
	if p.Number != nil {
		v.number.Store(*p.Number)
	}
	if p.Status != queue.Called {
		v.told = false
	}
	if p.Status != queue.Left && p.Status != queue.Done {
		v.patient = 0
	}
	switch p.Status {
	case queue.InLobby:
		// It ends with the lobby. In a fifo sale the number is known before.
		v.lobby.Store(true)
		if beforeOpening(p.State) && p.Number != nil {
			v.turn.Store(*p.Number)
		}
		if !beforeOpening(v.room.latest.Load().state) {
			// The room knows of the opening already: what was read is a second old.
			v.lobby.Store(false)
			v.after(time.Second)
		}
	case queue.Waiting:
		switch {
		case p.Number == nil:
			v.after(lookAgain)
		case *p.Number > p.Serving:
			// The turn comes with serving.
			v.turn.Store(*p.Number)
		default:
			// Another turn was asked for: it comes without a change of serving.
			v.after(lookAgain)
		}
	case queue.Called:
		v.after(lookAgain)
		if !v.told && p.Number != nil {
			v.told = true
			return turnFrame(*p.Number)
		}
	case queue.Inside, queue.Missed:
		v.after(lookAgain)
	case queue.Left, queue.Done:
		v.seldom()
	}
	return nil
}

// look reads the place of a fan and returns what they must be told.
func (a *API) look(v *viewer) []byte {
	if !a.Accounts.Stands(v.identity()) {
		v.gone.Store(true)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	p, err := a.seek(ctx, v)
	switch {
	case err == nil:
		return v.saw(p)
	case fault.Code(err) == "not_in_queue":
		// Somebody who has not joined may do so in another tab.
		v.seldom()
	default:
		v.after(lookRetry)
	}
	return nil
}

func (a *API) seek(ctx context.Context, v *viewer) (queue.View, error) {
	event, err := a.Sales.Get(ctx, v.room.key)
	if err != nil {
		return queue.View{}, err
	}
	spot := queue.Spot{ID: v.spot, Event: v.room.event, Account: v.account, Arrival: v.arrival}
	if v.spot == uuid.Nil {
		if spot, err = a.Queue.SpotOf(ctx, event, v.account); err != nil {
			return queue.View{}, err
		}
	}
	return a.Queue.StatusOf(ctx, event, spot)
}

// sign is a sign of life of the fan with a number.
func (a *API) sign(v *viewer, number int64) {
	if !a.Accounts.Stands(v.identity()) {
		v.gone.Store(true)
		return
	}
	a.Queue.Seen(v.room.event, number)
}

// look is a viewer whose place is to be looked at.
type look struct {
	v *viewer
	s *stream.Stream
}

// looks are the looks that are due, and the goroutines that do them. Each viewer
// is in it once at most, so that it needs no bound.
type looks struct {
	do   func(*viewer) []byte
	sign func(v *viewer, number int64)

	mu     sync.Mutex
	due    sync.Cond
	urgent []look // by serving; before all others
	others []look
	runs   bool // from the first look on
	closed bool
	wg     sync.WaitGroup
}

func newLooks(do func(*viewer) []byte, sign func(v *viewer, number int64)) *looks {
	l := &looks{do: do, sign: sign}
	l.due.L = &l.mu
	return l
}

func (l *looks) add(k look, urgent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if !l.runs {
		l.runs = true
		for range lookers {
			l.wg.Go(l.run)
		}
	}
	if urgent {
		l.urgent = append(l.urgent, k)
	} else {
		l.others = append(l.others, k)
	}
	l.due.Signal()
}

// next waits for a look; false when there will be none.
func (l *looks) next() (k look, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && len(l.urgent) == 0 && len(l.others) == 0 {
		l.due.Wait()
	}
	if l.closed {
		return k, false
	}
	from := &l.urgent
	if len(*from) == 0 {
		from = &l.others
	}
	k = (*from)[0]
	(*from)[0] = look{}
	if *from = (*from)[1:]; len(*from) == 0 {
		*from = nil // A rush leaves no memory behind.
	}
	return k, true
}

func (l *looks) run() {
	for {
		k, ok := l.next()
		if !ok {
			return
		}
		if message := l.do(k.v); message != nil {
			k.s.Send(message)
		}
		if n := k.v.number.Load(); n > 0 {
			k.s.SetRank(n)
		}
	}
}

func (l *looks) close() {
	l.mu.Lock()
	l.closed = true
	l.due.Broadcast()
	l.mu.Unlock()
	l.wg.Wait()
}
