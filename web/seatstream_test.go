package web_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/sale"
)

// twoBlocks is a hall of two sections, five seats and four, and a floor.
func twoBlocks(n *sale.NewSale) {
	n.Tiers = []sale.NewTier{{Name: "Stalls", Price: 500_000}, {Name: "Floor", Price: 100_000}}
	n.SeatMap = []byte(`{"focal":{"x":0,"y":0},"allow_orphans":true,"sections":[
		{"id":"left","name":"Left","kind":"seated","tier":"Stalls","rows":[{"name":"A","count":5,"x":0,"y":3,"marks":[{"seats":["A5"],"blocked":true}]}]},
		{"id":"right","name":"Right","kind":"seated","tier":"Stalls","rows":[{"name":"B","count":4,"x":10,"y":3}]},
		{"id":"floor","name":"Floor","kind":"standing","tier":"Floor","capacity":20}]}`)
}

// said is one message about seats.
type said struct {
	V    string         `json:"v"`
	Left map[string]int `json:"left"`
	All  string         `json:"all"`
	C    [][2]any       `json:"c"`
}

// watcher listens to the seats of a section.
type watcher struct {
	t      *testing.T
	in     *bufio.Reader
	states []byte
	left   map[string]int
	raw    []string
}

func (b *browser) watch(t *testing.T, path string) *watcher {
	t.Helper()
	res, err := b.http.Do(b.request(http.MethodGet, path, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	return &watcher{t: t, in: bufio.NewReader(res.Body), left: map[string]int{}}
}

// hears takes in one message.
func (w *watcher) hears() said {
	w.t.Helper()
	for {
		line, err := w.in.ReadString('\n')
		if err != nil {
			w.t.Fatal(err)
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		w.raw = append(w.raw, data)
		var m said
		if err := json.Unmarshal([]byte(data), &m); err != nil {
			w.t.Fatal(err)
		}
		if m.All != "" {
			w.states = []byte(m.All)
		}
		for _, c := range m.C {
			w.states[int(c[0].(float64))] = c[1].(string)[0] //nolint:forcetypeassert // A test may panic.
		}
		for id, n := range m.Left {
			w.left[id] = n
		}
		return m
	}
}

// until listens until the seats are as they should be.
func (w *watcher) until(states string, left map[string]int) {
	w.t.Helper()
	for {
		if string(w.states) == states && fmt.Sprint(w.left) == fmt.Sprint(left) {
			return
		}
		w.hears()
	}
}

func (s *stack) seatIDs(e *sale.Snapshot, labels ...string) (ids []uuid.UUID) {
	s.t.Helper()
	for _, l := range labels {
		var id uuid.UUID
		if err := s.pool.QueryRow(s.t.Context(), `SELECT id FROM seats WHERE event_id = $1 AND label = $2`, e.ID(), l).Scan(&id); err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// Who looks at a section hears what others take and give back, and nothing of other sections.
func TestTheSeatsAreToldAsTheyGo(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Seats", twoBlocks)
	path := "/events/" + e.Event.Slug + "/tickets/stream"
	looks, takes := s.fan("looks@fair.example"), s.fan("takes@fair.example")
	for _, b := range []*browser{looks, takes} {
		s.inside(b, e)
	}
	w, same, house := looks.watch(t, path+"?section=left"), takes.watch(t, path+"?section=left"), looks.watch(t, path)
	if m := w.hears(); m.All != "ffffb" || m.V == "" || len(m.C) != 0 || fmt.Sprint(m.Left) != "map[left:4]" {
		t.Fatalf("the first message is %+v", m)
	}
	if m := house.hears(); m.All != "" || fmt.Sprint(m.Left) != "map[floor:20 left:4 right:4]" {
		t.Fatalf("the first message of the overview is %+v", m)
	}
	held, err := s.claims.Hold(t.Context(), e, takes.acc.ID, claim.Request{Seats: s.seatIDs(e, "A2", "A3", "B1")})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Now()
	w.until("fhhfb", map[string]int{"left": 2})
	if d := time.Since(took); d > 2*time.Second {
		t.Errorf("it was told after %v", d)
	}
	house.until("", map[string]int{"floor": 20, "left": 2, "right": 3})
	if err := s.payments.Release(t.Context(), takes.acc.ID, held.ID); err != nil {
		t.Fatal(err)
	}
	w.until("ffffb", map[string]int{"left": 4})
	same.until("ffffb", map[string]int{"left": 4})
	for len(same.raw) < len(w.raw) {
		same.hears()
	}
	if fmt.Sprint(w.raw) != fmt.Sprint(same.raw) {
		t.Errorf("two who look at the same heard %q and %q", w.raw, same.raw)
	}
	// Who comes now hears what is true now.
	late := looks.watch(t, path+"?section=left")
	late.until("ffffb", map[string]int{"left": 4})

	m := looks.do(looks.request(http.MethodGet, "/metrics", nil)).body
	if !strings.Contains(m, "\nfairqueue_http_streams 4\n") {
		t.Error("the streams are not counted")
	}
	s.web.CloseStreams()
	looks.do(looks.request(http.MethodGet, path, nil)).status(http.StatusServiceUnavailable)
}

func TestTheSeatsAreToldOnceToWhoAsks(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Seats", twoBlocks)
	b := s.fan("asks@fair.example")
	s.inside(b, e)
	ask := func(etag string) *page {
		r := b.request(http.MethodGet, "/events/"+e.Event.Slug+"/tickets/stream?section=right", nil)
		r.Header.Set("Accept", "application/json")
		r.Header.Set("If-None-Match", etag)
		return b.do(r)
	}
	p := ask("")
	var m said
	if err := json.Unmarshal([]byte(p.body), &m); err != nil || p.StatusCode != http.StatusOK || m.All != "ffff" || m.Left["right"] != 4 {
		t.Fatalf("%d %s", p.StatusCode, p.body)
	}
	etag := p.Header.Get("ETag")
	if again := ask(etag); again.StatusCode != http.StatusNotModified || again.body != "" {
		t.Errorf("the same again: %d %s", again.StatusCode, again.body)
	}
	if _, err := s.claims.Hold(t.Context(), e, b.acc.ID, claim.Request{Seats: s.seatIDs(e, "B4")}); err != nil {
		t.Fatal(err)
	}
	if now := ask(etag); now.StatusCode != http.StatusOK || !strings.Contains(now.body, `"fffh"`) {
		t.Errorf("after a claim: %d %s", now.StatusCode, now.body)
	}
}

// Only who is inside sees the seats, and a stream does not outlive the visit.
func TestTheSeatsAreToldToWhoIsInside(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e, plain := s.event("Seats", twoBlocks), s.event("No seats")
	path := "/events/" + e.Event.Slug + "/tickets/stream"
	s.visitor().look(path).status(http.StatusForbidden)
	b := s.fan("inside@fair.example")
	b.look(path).status(http.StatusForbidden)
	b.send(b.get("/events/"+e.Event.Slug), "/events/"+e.Event.Slug+"/queue")
	b.look(path).status(http.StatusForbidden)
	s.called(e, b)
	b.look(path).status(http.StatusForbidden)
	s.inside(b, plain)
	b.look("/events/" + plain.Event.Slug + "/tickets/stream").status(http.StatusNotFound)
	b.send(b.get("/events/"+e.Event.Slug+"/queue"), "/events/"+e.Event.Slug+"/enter")
	b.look(path + "?section=nowhere").status(http.StatusNotFound)
	if head := b.do(b.request(http.MethodHead, path, nil)); head.StatusCode != http.StatusOK || head.body != "" {
		t.Errorf("HEAD: %d %q", head.StatusCode, head.body)
	}
	if _, err := s.pool.Exec(t.Context(), `UPDATE spots SET visit_ends_at = now() + interval '2 seconds' WHERE event_id = $1`, e.ID()); err != nil {
		t.Fatal(err)
	}
	if rest := b.look(path).status(http.StatusOK); !strings.Contains(rest.body, "retry: ") {
		t.Errorf("the stream ended with %q", rest.body)
	}
	b.look(path).status(http.StatusForbidden)
}

// Who has given a code sees what it opens, and everybody sees it from the moment that it is public.
func TestTheSeatsAreToldAsACodeOpensThem(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Seats", twoBlocks)
	presale, codes, err := s.claims.CreatePresale(t.Context(), e, s.org.ID, claim.NewPresale{
		Name: "Friends", Seats: s.seatIDs(e, "B1", "B2"), PublicAt: time.Now().Add(time.Hour), Generate: 1, UsesPerCode: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.sales.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, err = s.sales.Get(t.Context(), e.ID().String()); err != nil {
		t.Fatal(err)
	}
	path := "/events/" + e.Event.Slug + "/tickets/stream?section=right"
	friend, other := s.fan("friend@fair.example"), s.fan("other@fair.example")
	for _, b := range []*browser{friend, other} {
		s.inside(b, e)
	}
	if _, err := s.claims.Unlock(t.Context(), e, friend.acc.ID, codes[0]); err != nil {
		t.Fatal(err)
	}
	near, far := friend.watch(t, path), other.watch(t, path)
	near.until("ffff", map[string]int{"right": 4})
	far.until("bbff", map[string]int{"right": 2})
	if _, err := s.claims.Hold(t.Context(), e, friend.acc.ID, claim.Request{Seats: s.seatIDs(e, "B2", "B3")}); err != nil {
		t.Fatal(err)
	}
	near.until("fhhf", map[string]int{"right": 2})
	far.until("bhhf", map[string]int{"right": 1})
	if err := s.claims.EndPresale(t.Context(), e, s.org.ID, presale.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.sales.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	far.until("fhhf", map[string]int{"right": 2})
}
