package api

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"fairqueue/internal/sale"
)

const (
	// tickEvery is the shortest time between two messages of a kind.
	tickEvery = time.Second
	// stockEvery is tickEvery for figures of stock, which change with every
	// claim near the end and would cost a fan on a metered line too much.
	stockEvery = 5 * time.Second
	// Who is more than farBehind numbers behind, or farFor of the present outflow,
	// hears every fifth tick.
	farBehind = 5000
	farFor    = 20 * time.Minute
)

// tick is what everybody hears of an event: the latest message of each kind,
// encoded once. It is never changed after it was published.
type tick struct {
	serving, notice []byte
	// What the messages say.
	number   int64
	state    sale.State
	rate     float64
	said     notice
	servedAt time.Time
	saidAt   time.Time
}

func firstTick(s *sale.Snapshot, now time.Time) *tick {
	t := &tick{}
	t.serve(s, now)
	t.say(noticeOf(s), now)
	return t
}

// reach is the highest number that hears every tick: who is farther behind
// needs no figure each second, and pays for each.
func (t *tick) reach() int64 {
	near := int64(farBehind)
	if outflow := int64(t.rate * farFor.Minutes()); outflow > 0 {
		near = min(near, outflow)
	}
	return t.number + near
}

// after returns the tick that follows from a newer snapshot, t itself if there
// is nothing to tell yet, and how long to wait before asking again. every is the
// shortest time between two messages of a kind, at least tickEvery.
func (t *tick) after(s *sale.Snapshot, now time.Time, every time.Duration) (is *tick, wait time.Duration) {
	is = t
	change := func() *tick {
		if is == t {
			c := *t
			is = &c
		}
		return is
	}
	later := func(d time.Duration) {
		if wait == 0 || d < wait {
			wait = d
		}
	}
	// serving never goes back, whatever an old snapshot says.
	if s.Serving > t.number || s.State != t.state {
		if d := every - now.Sub(t.servedAt); d > 0 {
			later(d)
		} else {
			change().serve(s, now)
		}
	}
	if n := noticeOf(s); !n.equal(t.said) {
		if n.Message == t.said.Message && n.Reason == t.said.Reason {
			every = max(every, stockEvery)
		}
		if d := every - now.Sub(t.saidAt); d > 0 {
			later(d)
		} else {
			change().say(n, now)
		}
	}
	return is, wait
}

func (t *tick) serve(s *sale.Snapshot, now time.Time) {
	t.number, t.state, t.servedAt = max(t.number, s.Serving), s.State, now
	t.rate = s.Rate
	t.serving = frame("serving", servingData{
		Serving: t.number, State: string(s.State), Rate: math.Round(s.Rate*10) / 10, At: s.At.UTC().Truncate(time.Millisecond),
	})
}

func (t *tick) say(n notice, now time.Time) {
	t.said, t.saidAt = n, now
	t.notice = frame("notice", n)
}

// servingData stays within 200 bytes framed.
type servingData struct {
	Serving int64     `json:"serving"`
	State   string    `json:"state"`
	Rate    float64   `json:"rate" doc:"Numbers called a minute, measured; 0 for unknown."`
	At      time.Time `json:"at"`
}

type notice struct {
	Message  string     `json:"message"`
	LowStock []lowStock `json:"low_stock" nullable:"false"`
	Reason   string     `json:"reason" enum:",not_open,paused,held,later,sold_out,ended" doc:"Why nobody is called at the moment; empty while people are."`
}

type lowStock struct {
	Tier int `json:"tier" doc:"Index in the event's tiers, from 0."`
	Left int `json:"left"`
}

func (n notice) equal(o notice) bool {
	if n.Message != o.Message || n.Reason != o.Reason || len(n.LowStock) != len(o.LowStock) {
		return false
	}
	for i := range n.LowStock {
		if n.LowStock[i] != o.LowStock[i] {
			return false
		}
	}
	return true
}

// noticeOf is what is worth telling about a sale besides its numbers. A tier
// is low from a tenth of its capacity, at least ten, downward.
func noticeOf(s *sale.Snapshot) notice {
	n := notice{Message: s.Message, LowStock: []lowStock{}}
	for i, t := range s.Tiers {
		if t.Available <= max(10, t.Capacity/10) && t.Available < t.Capacity {
			n.LowStock = append(n.LowStock, lowStock{i, t.Available})
		}
	}
	switch s.State {
	case sale.Draft, sale.Scheduled, sale.Lobby:
		n.Reason = "not_open"
	case sale.Paused:
		n.Reason = "paused"
	case sale.SoldOut:
		n.Reason = "sold_out"
	case sale.Ended:
		n.Reason = "ended"
	case sale.Open:
		if s.Available() == 0 {
			n.Reason = "held"
			if s.Later() > 0 {
				n.Reason = "later" // not on sale yet, or for those with a code
			}
		}
	}
	return n
}

// frame encodes one message of an event stream.
func frame(event string, data any) []byte {
	b, err := json.Marshal(data)
	if err != nil {
		// The types above hold nothing that cannot be marshalled, but a float
		// may be NaN; nothing is better than half a frame.
		return nil
	}
	return append(append([]byte("event: "+event+"\ndata: "), b...), "\n\n"...)
}

func turnFrame(number int64) []byte {
	return []byte("event: turn\ndata: {\"number\":" + strconv.FormatInt(number, 10) + "}\n\n")
}
