package web

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/catalog"
	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/sale"
	"fairqueue/web/stream"
)

// rows is a hall of two sections of so many free seats each.
func rows(n int) seatsNow {
	row := seatmap.Row{Name: "A", Seats: make([]seatmap.Seat, n)}
	m := &seatmap.Map{Sections: []seatmap.Section{
		{ID: "front", Kind: seatmap.Seated, Rows: []seatmap.Row{row}}, {ID: "back", Kind: seatmap.Seated, Rows: []seatmap.Row{row}},
	}}
	seats := &claim.Seats{Hall: &catalog.Hall{Map: m}, States: make([]claim.SeatState, 2*n)}
	for i := range seats.States {
		seats.States[i] = claim.SeatFree
	}
	return seatsNow{&sale.Snapshot{}, seats}
}

func (is seatsNow) with(change func(states []claim.SeatState)) seatsNow {
	seats := *is.seats
	seats.States = append([]claim.SeatState{}, seats.States...)
	change(seats.States)
	return seatsNow{is.sale, &seats}
}

// A reader who misses any messages but the newest knows the same as one who heard all, and what is said stays short.
func TestWhoMissesMessagesMissesNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(uint64(dbtest.Seed()), 7))
	const n = 300
	is := rows(n)
	told := tell(is, "back")
	// What a stream does with a tick: it hears the news it has not heard, and the newest pulse.
	type listener struct {
		states []byte
		news   string
	}
	hear := func(l *listener, b []byte) {
		_, data, found := strings.Cut(string(b), "data: ")
		if !found {
			return
		}
		var m struct {
			All string
			C   [][2]any
		}
		if err := json.Unmarshal([]byte(data), &m); err != nil {
			t.Fatal(err)
		}
		if m.All != "" {
			l.states = []byte(m.All)
		}
		for _, c := range m.C {
			l.states[int(c[0].(float64))] = c[1].(string)[0] //nolint:forcetypeassert // A test may panic.
		}
	}
	take := func(l *listener, k stream.Tick) {
		if string(k.News) != l.news {
			l.news = string(k.News)
			hear(l, k.News)
		}
		hear(l, k.Pulse)
	}
	var good, slow listener
	whole := 0
	for range dbtest.Size(2000, 50_000) {
		is = is.with(func(states []claim.SeatState) {
			for range r.IntN(3) {
				states[r.IntN(2*n)] = claim.SeatState(r.IntN(4)) //nolint:gosec // one of four
			}
		})
		before := string(told.news)
		told, _ = told.after(is)
		if string(told.news) != before {
			whole++
		}
		take(&good, told.tick())
		if r.IntN(10) == 0 {
			take(&slow, told.tick())
			if want := statesOf(is.seats, "back"); string(slow.states) != want || string(good.states) != want {
				t.Fatalf("heard %s and, with gaps, %s; it is %s", good.states, slow.states, want)
			}
		}
		if len(told.pulse) > max(len(told.news)/2, 256) {
			t.Fatalf("%d bytes to say what moved, %d for all", len(told.pulse), len(told.news))
		}
	}
	if whole == 0 {
		t.Error("the whole was never told again")
	}
}

// However many watch, the seats are looked at once a second; once nobody does, not at all.
func TestSeatsAreReadForThoseWhoWatch(t *testing.T) {
	t.Parallel()
	streams := stream.New(stream.Config{Beat: 50 * time.Millisecond})
	defer streams.Close()
	var reads atomic.Int64
	is := rows(10)
	is.sale = &sale.Snapshot{Event: catalog.Event{ID: uuid.New()}}
	h := &seatHub{
		streams: streams, log: slog.New(slog.DiscardHandler), halls: map[uuid.UUID]*seatHall{},
		follow: func(uuid.UUID) (<-chan *sale.Snapshot, func()) { return nil, func() {} },
		seats: func(context.Context, *sale.Snapshot, uuid.UUID) (*claim.Seats, error) {
			n := reads.Add(1)
			return is.with(func(states []claim.SeatState) { states[n%10] = claim.SeatSold }).seats, nil
		},
	}
	defer h.close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		topic, err := h.enter(is, r.URL.Query().Get("section"), uuid.Nil)
		if err == nil {
			err = streams.Serve(w, r, topic, nil)
		}
		if err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	begun := time.Now()
	var last *bufio.Scanner
	for i := range 30 {
		section := []string{"", "front", "back"}[i%3]
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"?section="+section, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if section == "front" {
			last = bufio.NewScanner(res.Body)
		}
	}
	for heard := 0; heard < 3 && last.Scan(); {
		if strings.HasPrefix(last.Text(), "data: ") {
			heard++
		}
	}
	if n, most := reads.Load(), int64(time.Since(begun)/seatsEvery)+1; n < 2 || n > most {
		t.Errorf("%d reads in %v", n, time.Since(begun))
	}
	leave()
	ended := make(chan struct{})
	go func() { h.wg.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("somebody goes on looking for nobody")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.halls) != 0 {
		t.Errorf("%d halls without anybody", len(h.halls))
	}
}
