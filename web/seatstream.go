package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/catalog"
	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/web/api"
	"fairqueue/web/stream"
)

// seatsEvery is the shortest time between two looks at the seats of an event, and between two messages about them.
const seatsEvery = time.Second

// leftEvery is seatsEvery for the figures of the overview, which change with every claim in the house.
const leftEvery = 3 * time.Second

// seatHub tells those who choose what has just gone: a hall for each event that somebody watches, and in it a room for
// each section, and for each view of it where codes of a presale open seats to some fans. Nothing is read for a hall
// without streams, and once a second for all who watch one.
type seatHub struct {
	streams *stream.Hub
	// seats are those of an event as an account sees them; as everybody does for the zero account.
	seats  func(ctx context.Context, s *sale.Snapshot, account uuid.UUID) (*claim.Seats, error)
	follow func(event uuid.UUID) (<-chan *sale.Snapshot, func())
	log    *slog.Logger

	mu     sync.Mutex
	halls  map[uuid.UUID]*seatHall
	closed bool
	wg     sync.WaitGroup
}

func newSeatHub(streams *stream.Hub, cfg Config) *seatHub {
	return &seatHub{
		streams: streams, seats: cfg.Claims.SeatsFor, follow: cfg.Sales.Follow, log: cfg.Logger,
		halls: map[uuid.UUID]*seatHall{},
	}
}

// seatHall is an event that somebody watches. The hub's lock guards it.
type seatHall struct {
	hub   *seatHub
	rooms map[roomKey]*seatRoom
	last  map[string]seatsNow // by view
	stop  context.CancelFunc
}

// roomKey is a section, or "" for the overview, in a view of the seats: "" is everybody's, others are those of fans for
// whom codes opened some.
type roomKey struct{ section, view string }

// seatsNow is what the messages are made of.
type seatsNow struct {
	sale  *sale.Snapshot
	seats *claim.Seats
}

// seatRoom is who watches a section.
type seatRoom struct {
	key   roomKey
	eyes  uuid.UUID // an account that sees this view; zero for everybody's
	topic *stream.Topic
	told  telling
	at    time.Time // of the last message
}

var (
	errNoSection  = fault.New(fault.NotFound, "section_not_found", "There is no such part of the venue. Go back to the map and choose one.")
	errNotInside  = fault.New(fault.Forbidden, "not_admitted", "The seats are shown to those whose turn it is. Go to your place in the line.")
	errSeatsCease = fault.New(fault.Unavailable, "stopping", "This server is being replaced. Load the page again in a moment.")
)

// enter returns the topic of a section as an account sees it, or as everybody does for the zero account, with one stream
// counted: Serve must follow.
func (h *seatHub) enter(is seatsNow, section string, eyes uuid.UUID) (*stream.Topic, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errSeatsCease
	}
	id := is.sale.ID()
	hall := h.halls[id]
	if hall == nil {
		ctx, stop := context.WithCancel(context.Background())
		hall = &seatHall{hub: h, rooms: map[roomKey]*seatRoom{}, last: map[string]seatsNow{}, stop: stop}
		h.halls[id] = hall
		h.wg.Go(func() { hall.run(ctx, is.sale) })
	}
	key := roomKey{section: section}
	if eyes != uuid.Nil {
		key.view = "codes " + is.seats.View // for some nothing is kept at all, and that has no name
	}
	if r := hall.rooms[key]; r != nil && r.topic.Enter() {
		return r.topic, nil
	}
	if last, known := hall.last[key.view]; known {
		is = last // what the next look is compared with
	} else {
		hall.last[key.view] = is
	}
	r := &seatRoom{key: key, eyes: eyes, told: tell(is, section), at: time.Now()}
	r.topic = h.streams.Topic(r.told.tick(), func() { h.leave(id, hall, r) })
	hall.rooms[key] = r
	return r.topic, nil
}

// leave ends a room without streams, and with the last room the hall.
func (h *seatHub) leave(event uuid.UUID, hall *seatHall, r *seatRoom) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if hall.rooms[r.key] == r {
		delete(hall.rooms, r.key)
	}
	if len(hall.rooms) == 0 && h.halls[event] == hall {
		delete(h.halls, event)
		hall.stop()
	}
}

// close ends the halls; their streams are the stream hub's to end, before this.
func (h *seatHub) close() {
	h.mu.Lock()
	h.closed = true
	for _, hall := range h.halls {
		hall.stop()
	}
	h.mu.Unlock()
	h.wg.Wait()
}

// run looks at the seats once a second, less often where telling it takes long, until the last stream has ended. A nudge
// about the event brings its newest snapshot; it could not make the next look earlier.
func (hall *seatHall) run(ctx context.Context, newest *sale.Snapshot) {
	snapshots, unfollow := hall.hub.follow(newest.ID())
	defer unfollow()
	next := time.NewTimer(seatsEvery)
	defer next.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case s, ok := <-snapshots:
			if !ok {
				snapshots = nil
				continue
			}
			newest = s
			continue
		case <-next.C:
		}
		next.Reset(max(seatsEvery, min(4*hall.hub.streams.Took(), 10*seatsEvery)))
		err := hall.look(ctx, newest)
		if err != nil && !failing && ctx.Err() == nil {
			// What is shown stays; a claim is decided by the rows anyway.
			hall.hub.log.Warn("the seats of an event could not be read", "event", newest.ID(), "err", err)
		}
		failing = err != nil
	}
}

// lookTimeout bounds a look; while it lasts nobody is told anything.
const lookTimeout = 5 * time.Second

// look reads the seats in each view that somebody has, and tells what has changed. What the views have in common is read
// once.
func (hall *seatHall) look(ctx context.Context, s *sale.Snapshot) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	for view, eyes := range hall.views() {
		seats, err := hall.hub.seats(ctx, s, eyes)
		if err != nil {
			return err
		}
		if seats != nil {
			hall.tell(view, seatsNow{s, seats})
		}
	}
	return nil
}

// views are those that somebody watches, each with an account that has it, and forgets the others.
func (hall *seatHall) views() map[string]uuid.UUID {
	hall.hub.mu.Lock()
	defer hall.hub.mu.Unlock()
	views := map[string]uuid.UUID{}
	for key, r := range hall.rooms {
		views[key.view] = r.eyes
	}
	maps.DeleteFunc(hall.last, func(view string, _ seatsNow) bool { _, watched := views[view]; return !watched })
	return views
}

// tell publishes what has changed to the rooms of a view that it concerns.
func (hall *seatHall) tell(view string, is seatsNow) {
	hall.hub.mu.Lock()
	defer hall.hub.mu.Unlock()
	hall.last[view] = is
	now := time.Now()
	for _, r := range hall.rooms {
		if r.key.view != view || r.key.section == "" && now.Sub(r.at) < leftEvery {
			continue
		}
		if after, changed := r.told.after(is); changed {
			r.told, r.at = after, now
			r.topic.Publish(after.tick())
		}
	}
}

// telling is what a room has heard: the whole of its section once (base), and everything that moved since (moved). Whoever
// connects hears both; who is there already hears the second again and again, each time longer, so that a reader who
// missed one misses nothing. When that has grown, the whole is told anew.
type telling struct {
	section string
	now     seatsNow
	states  string         // of the section's seats, one letter each
	left    map[string]int // by section
	moved   map[int]bool   // seats that changed since the base, whatever they are now
	less    map[string]bool
	news    []byte
	pulse   []byte
}

func tell(is seatsNow, section string) telling {
	t := telling{section: section, now: is, states: statesOf(is.seats, section), left: leftIn(is, section)}
	return t.anew()
}

func (t telling) anew() telling {
	t.moved, t.less = map[int]bool{}, map[string]bool{}
	t.news, t.pulse = seatFrame(seatMessage{Version: t.now.seats.Version, Left: t.left, All: t.states}), nil
	return t
}

// after is what the room has heard once it knows of newer seats.
func (t telling) after(is seatsNow) (after telling, changed bool) {
	states, left := statesOf(is.seats, t.section), leftIn(is, t.section)
	for i := range len(states) {
		if states[i] != t.states[i] {
			t.moved[i], changed = true, true
		}
	}
	for id, n := range left {
		if t.left[id] != n {
			t.less[id], changed = true, true
		}
	}
	if !changed {
		return t, false
	}
	t.now, t.states, t.left = is, states, left
	m := seatMessage{Version: is.seats.Version, Left: map[string]int{}, Moved: make([]seatMove, 0, len(t.moved))}
	for i := range len(states) {
		if t.moved[i] {
			m.Moved = append(m.Moved, seatMove{i, states[i]})
		}
	}
	for id := range t.less {
		m.Left[id] = left[id]
	}
	t.pulse = seatFrame(m)
	// Telling the same moves over and over costs more than telling all once.
	if len(t.pulse) > max(len(t.news)/2, 256) {
		return t.anew(), true
	}
	return t, true
}

func (t telling) tick() stream.Tick { return stream.Tick{Pulse: t.pulse, News: t.news} }

// seatMessage is one message of the stream.
type seatMessage struct {
	Version string         `json:"v"`
	Left    map[string]int `json:"left"`
	All     string         `json:"all,omitempty"`
	Moved   []seatMove     `json:"c,omitempty"`
}

// seatMove is the number of a seat in its section, from 0, and the letter of its state.
type seatMove struct {
	number int
	state  byte
}

func (m seatMove) MarshalJSON() ([]byte, error) {
	return append(append(strconv.AppendInt([]byte{'['}, int64(m.number), 10), `,"`...), m.state, '"', ']'), nil
}

func seatFrame(m seatMessage) []byte {
	b, err := json.Marshal(m)
	if err != nil {
		return nil // Strings and numbers always marshal.
	}
	return append(append([]byte("event: seats\ndata: "), b...), "\n\n"...)
}

// sectionSpan are the numbers of a section's seats; found is false where there is no such section.
func sectionSpan(h *catalog.Hall, section string) (from, to int, found bool) {
	for i := range h.Map.Sections {
		s := &h.Map.Sections[i]
		n := 0
		for _, r := range s.Rows {
			n += len(r.Seats)
		}
		if s.ID == section {
			return from, from + n, true
		}
		from += n
	}
	return 0, 0, false
}

// seatLetters are the states as the pages write them.
var seatLetters = map[claim.SeatState]byte{claim.SeatFree: 'f', claim.SeatHeld: 'h', claim.SeatSold: 's', claim.SeatBlocked: 'b'}

func statesOf(seats *claim.Seats, section string) string {
	if section == "" {
		return ""
	}
	from, to, _ := sectionSpan(seats.Hall, section)
	var b strings.Builder
	b.Grow(to - from)
	for _, state := range seats.States[from:to] {
		b.WriteByte(seatLetters[state])
	}
	return b.String()
}

// leftIn counts what is free in the sections that a room tells of: its own, or in the overview all.
func leftIn(is seatsNow, section string) map[string]int {
	left := map[string]int{}
	number := 0
	for i := range is.seats.Map.Sections {
		s := &is.seats.Map.Sections[i]
		n := 0
		for _, r := range s.Rows {
			for range r.Seats {
				if is.seats.States[number] == claim.SeatFree {
					n++
				}
				number++
			}
		}
		if s.Kind == seatmap.Standing {
			n = is.sale.Tiers[s.Tier].Available
		}
		if section == "" || section == s.ID {
			left[s.ID] = n
		}
	}
	return left
}

// visitEnd ends a stream with the visit it was opened in: who is still inside connects again.
type visitEnd struct{ at time.Duration }

// Beat ends the stream when it is time.
func (v visitEnd) Beat(s *stream.Stream, now time.Duration) {
	if now >= v.at {
		s.Finish()
	}
}

// seatStream tells who is inside what becomes of the seats they look at: as an event stream, or once as JSON for pages
// that cannot listen.
func (s *Server) seatStream(c echo.Context) error {
	personal(c)
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	id, ok := who(c)
	if !ok {
		return errNotInside
	}
	ctx := c.Request().Context()
	place, err := s.cfg.Queue.Status(ctx, e, id.AccountID)
	if fault.Code(err) == "not_in_queue" || err == nil && (place.Status != queue.Inside || place.Admission == nil) {
		return errNotInside
	}
	if err != nil {
		return err
	}
	seats, err := s.cfg.Claims.SeatsFor(ctx, e, id.AccountID)
	if err != nil {
		return err
	}
	section := c.QueryParam("section")
	if seats == nil {
		return errNoSection
	}
	if _, _, found := sectionSpan(seats.Hall, section); section != "" && !found {
		return errNoSection
	}
	everybodys, err := s.cfg.Claims.Seats(ctx, e)
	if err != nil {
		return err
	}
	eyes := id.AccountID
	if seats == everybodys {
		eyes = uuid.Nil
	}
	is := seatsNow{e, seats}
	h := c.Response().Header()
	h.Set("Vary", "Cookie, Accept")
	switch {
	case strings.Contains(c.Request().Header.Get("Accept"), "application/json"):
		h.Set("Cache-Control", "private, no-cache")
		return s.seatsOnce(c, is, section)
	case api.Bodyless(ctx):
		h.Set("Content-Type", "text/event-stream")
		return c.NoContent(http.StatusOK)
	}
	topic, err := s.seats.enter(is, section, eyes)
	if err != nil {
		return err
	}
	hub := s.seats.streams
	err = hub.Serve(c.Response(), c.Request(), topic, visitEnd{hub.Now() + place.Admission.ExpiresAt.Sub(s.now())})
	switch {
	case errors.Is(err, stream.ErrClosed):
		return errSeatsCease
	case errors.Is(err, stream.ErrFull):
		return fault.New(fault.Unavailable, "too_many_streams", "We are very busy. The page goes on and looks by itself from time to time.").After(time.Minute)
	case err != nil:
		return fmt.Errorf("web.seatStream: %w", err)
	}
	return nil
}

// seatsOnce is the first message of the stream.
func (s *Server) seatsOnce(c echo.Context, is seatsNow, section string) error {
	body, err := json.Marshal(seatMessage{Version: is.seats.Version, Left: leftIn(is, section), All: statesOf(is.seats, section)})
	if err != nil {
		return err
	}
	sum := fnv.New64a()
	_, _ = sum.Write(body) // A hash takes everything.
	etag := fmt.Sprintf(`"%x"`, sum.Sum64())
	c.Response().Header().Set("ETag", etag)
	if c.Request().Header.Get("If-None-Match") == etag {
		return c.NoContent(http.StatusNotModified)
	}
	return c.JSONBlob(http.StatusOK, body)
}
