package web

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"fairqueue/internal/catalog"
	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/claim"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// halls keeps what of a hall never changes: its drawings. They are made from the places of up to 100,000 seats.
type halls struct {
	mu   sync.Mutex
	kept map[uuid.UUID]*drawnHall
}

const hallsMost = 64

// drawnHall is a hall as pictures.
type drawnHall struct {
	hall *catalog.Hall
	// first is the number of the first seat of each section.
	first []int
	whole views.MapView

	mu       sync.Mutex
	sections map[int]*drawnSection
}

// drawnSection is one section, turned to face the stage, in pixels.
type drawnSection struct {
	at            [][]seatmap.Point
	width, height int
	focus         float64
	plan          *seatmap.Plan
}

// of returns the drawings of an event's hall.
func (h *halls) of(event uuid.UUID, hall *catalog.Hall) *drawnHall {
	h.mu.Lock()
	d := h.kept[event]
	h.mu.Unlock()
	if d != nil && d.hall == hall {
		return d
	}
	d = draw(hall)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept == nil || len(h.kept) >= hallsMost {
		h.kept = map[uuid.UUID]*drawnHall{}
	}
	h.kept[event] = d
	return d
}

// hall is that of an event which was drawn before; nil if it was not.
func (h *halls) hall(event uuid.UUID) *catalog.Hall {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.kept[event]; d != nil {
		return d.hall
	}
	return nil
}

const (
	// leastTarget is the least width of a section on the overview that a thumb hits, in pixels, where the map can be made
	// large enough for it; mapNarrow and mapWide bound the map.
	leastTarget = 26
	mapNarrow   = 330
	mapWide     = 660
	mapEdge     = 6
	// seatPitch is the distance of two seats on the map of a section, in pixels.
	seatPitch = 31
)

func draw(hall *catalog.Hall) *drawnHall {
	d := &drawnHall{hall: hall, sections: map[int]*drawnSection{}}
	n := 0
	for _, s := range hall.Map.Sections {
		d.first = append(d.first, n)
		for _, r := range s.Rows {
			n += len(r.Seats)
		}
	}
	d.whole = drawWhole(hall.Map)
	return d
}

func drawWhole(m *seatmap.Map) views.MapView {
	o := m.Overview()
	narrowest := narrow(m, o)
	wide := max(o.Box.Width, 1)
	k := min(max(leastTarget/narrowest, mapNarrow/wide), mapWide/wide)
	px := func(p seatmap.Point) (x, y int) {
		return mapEdge + int(math.Round((p.X-o.Box.X)*k)), mapEdge + int(math.Round((p.Y-o.Box.Y)*k))
	}
	v := views.MapView{Width: int(wide*k) + 2*mapEdge, Height: int(o.Box.Height*k) + 2*mapEdge, Zoom: 1}
	standing := slices.ContainsFunc(m.Sections, func(s seatmap.Section) bool { return s.Kind == seatmap.Standing })
	v.Pitch = o.Around && !standing
	f := o.Focus
	v.Stage = path(px, []seatmap.Point{{X: f.X, Y: f.Y}, {X: f.X + f.Width, Y: f.Y}, {X: f.X + f.Width, Y: f.Y + f.Height}, {X: f.X, Y: f.Y + f.Height}})
	if size := int(min(20, f.Height*k*0.75, f.Width*k/3)); size >= 9 {
		v.StageSize = size
		v.StageX, v.StageY = px(seatmap.Point{X: f.X + f.Width/2, Y: f.Y + f.Height/2})
		v.StageY += size * 4 / 10
	}
	short := shortNames(m)
	for i, s := range m.Sections {
		shape := o.Sections[i]
		out := views.MapSection{ID: s.ID, Name: s.Name, Short: s.Name, Standing: s.Kind == seatmap.Standing, Path: path(px, shape.Outline)}
		out.X, out.Y = px(shape.Label)
		// Where there are many sections, all are called by their short names.
		names := []string{s.Name, short[i]}
		if len(m.Sections) > 12 && !out.Standing {
			names = names[1:]
		}
		label(&out, names, func(width, height float64) bool { return shape.Holds(width/k, height/k) })
		v.Sections = append(v.Sections, out)
	}
	return v
}

// narrow is how narrow sections are, in seat widths, but for those few that hold a tenth of all seats together: boxes.
func narrow(m *seatmap.Map, o seatmap.Overview) float64 {
	type part struct {
		narrow float64
		seats  int
	}
	var parts []part
	all := 0
	for i, s := range m.Sections {
		p := part{narrow: min(o.Sections[i].Width, o.Sections[i].Height)}
		for _, r := range s.Rows {
			p.seats += len(r.Seats)
		}
		if p.seats > 0 && p.narrow > 0 {
			parts = append(parts, p)
			all += p.seats
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.narrow, b.narrow) })
	sum := 0
	for _, p := range parts {
		if sum += p.seats; sum*10 > all {
			return p.narrow
		}
	}
	return math.Inf(1)
}

// label finds the words and the size that fit into a section, in pixels.
func label(s *views.MapSection, names []string, holds func(width, height float64) bool) {
	const letter, figure, figures = 0.5, 0.6, 12 // how wide a letter of names is, and one of the figures below, which are that large
	for i, name := range names {
		least := 12
		if i == len(names)-1 {
			least = 9
		}
		n := float64(max(len([]rune(name)), 2))
		for size := 22; size >= least; size-- {
			width, height := letter*n*float64(size), float64(size)
			if !holds(width, height) {
				continue
			}
			s.Short, s.Size = name, size
			if holds(max(width, 5*figure*figures), height+figures+4) {
				s.SizeLeft = figures
				s.Y += size*9/10 - (size+figures+4)/2
				return
			}
			s.Y += size * 4 / 10
			return
		}
	}
}

// shortNames are names for where there is little room: 14 for Lower 14, or L14 for each where there is a Club 14, too.
func shortNames(m *seatmap.Map) []string {
	last, seen, twice := make([]string, len(m.Sections)), map[string]bool{}, false
	for i, s := range m.Sections {
		words := strings.Fields(s.Name)
		last[i] = s.Name
		if n := len(words); n > 1 && len(words[n-1]) <= 4 {
			last[i] = words[n-1]
		}
		twice = twice || seen[last[i]]
		seen[last[i]] = true
	}
	for i, s := range m.Sections {
		words := strings.Fields(s.Name)
		if !twice || len(words) < 2 || last[i] == s.Name {
			continue
		}
		initials := ""
		for _, w := range words[:len(words)-1] {
			initials += string([]rune(w)[:1])
		}
		last[i] = initials + words[len(words)-1]
	}
	return last
}

// path draws a ring with few bytes: whole pixels, each point from the one before.
func path(px func(seatmap.Point) (int, int), ring []seatmap.Point) string {
	var b strings.Builder
	lastX, lastY := 0, 0
	for i, p := range ring {
		x, y := px(p)
		switch {
		case i == 0:
			b.WriteString("M" + strconv.Itoa(x) + " " + strconv.Itoa(y) + "l")
		case x == lastX && y == lastY:
			continue
		default:
			if i > 1 {
				b.WriteByte(' ')
			}
			b.WriteString(strconv.Itoa(x-lastX) + " " + strconv.Itoa(y-lastY))
		}
		lastX, lastY = x, y
	}
	return b.String() + "z"
}

// section is one section drawn to choose from.
func (d *drawnHall) section(i int) *drawnSection {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.sections[i]; s != nil {
		return s
	}
	m := d.hall.Map
	section := &m.Sections[i]
	one := &seatmap.Map{FocalX: m.FocalX, FocalY: m.FocalY, AllowOrphans: m.AllowOrphans, Sections: []seatmap.Section{*section}}
	s := &drawnSection{plan: one.Plan()}
	var width, height float64
	s.at, width, height, s.focus = m.Facing(section)
	k := seatPitch / max(min(seatmap.Apart(s.at), 2), 0.35)
	for _, row := range s.at {
		for j := range row {
			row[j] = seatmap.Point{X: math.Round(row[j].X * k), Y: math.Round(row[j].Y * k)}
		}
	}
	s.width, s.height = int(math.Ceil(width*k)), int(math.Ceil(height*k))
	d.sections[i] = s
	return s
}

// seatsOf is the hall as one fan sees it now.
type seatsOf struct {
	*claim.Seats
	drawn *drawnHall
	event *sale.Snapshot
	tiers []views.TierInfo
	// own are the seats of the claim that is changed.
	own map[int]bool
	// everybody sees other seats where a code opened some to this fan; else nil.
	everybody *claim.Seats
}

// state is what a seat is to this fan: f, h, s or b.
func (s seatsOf) state(number int) byte {
	if s.own[number] {
		return 'f'
	}
	switch s.States[number] {
	case claim.SeatFree:
		return 'f'
	case claim.SeatHeld:
		return 'h'
	case claim.SeatBlocked:
		return 'b'
	case claim.SeatSold:
	}
	return 's'
}

// overview is the map with what is left of each section.
func (s seatsOf) overview() *views.MapView {
	v := s.drawn.whole
	v.Sections = slices.Clone(v.Sections)
	number := 0
	for i, section := range s.Map.Sections {
		o := &v.Sections[i]
		if o.Standing {
			t := s.tiers[section.Tier]
			o.TierID, o.Left, o.Capacity, o.From, o.OnePrice, o.Wait = t.ID, t.Available, section.Capacity, t.Price, true, t.Wait
			o.Held = s.event.Tiers[section.Tier].Held
			continue
		}
		o.OnePrice = true
		sold, wait := 0, ""
		for _, row := range section.Rows {
			for j := range row.Seats {
				seat := &row.Seats[j]
				t := s.tiers[seat.Tier]
				switch {
				case o.Capacity == 0:
					o.From = t.Price
				case t.Price != o.From:
					o.OnePrice = false
					o.From = min(o.From, t.Price)
				}
				o.Capacity++
				switch s.state(number) {
				case 'f':
					o.Left++
					if seat.Accessible {
						o.Wheelchair++
					}
				case 'h':
					o.Held++
				case 'b':
					wait = cmp.Or(wait, t.Wait)
				default:
					sold++
				}
				number++
			}
		}
		switch {
		case o.Left > 0 || o.Held > 0:
		case wait != "" || sold > 0:
			o.Wait = wait
		case s.event.Presale:
			o.Wait = "Not on sale now without a code"
		default:
			o.Wait = "Not on sale now"
		}
	}
	return &v
}

// name is a seat in words, with the number that the forms send.
func (s seatsOf) name(number int) views.SeatName {
	p := s.Place(number)
	return views.SeatName{ID: strconv.Itoa(number), Section: p.Section, Row: p.Row, Label: p.Label}
}

// index finds a section by its id; -1 for none with seats.
func (s seatsOf) index(id string) int {
	return slices.IndexFunc(s.Map.Sections, func(x seatmap.Section) bool { return x.ID == id && x.Kind == seatmap.Seated })
}

// holds says which section a seat is in.
func (d *drawnHall) holds(number int) int {
	i, found := slices.BinarySearch(d.first, number)
	if !found {
		return i - 1
	}
	for i+1 < len(d.first) && d.first[i+1] == number {
		i++ // sections without seats begin where the next does
	}
	return i
}

// section fills in the seats of a section, and which of them are chosen.
func (s seatsOf) section(i int, chosen []int, v *views.SectionView) {
	section, drawn := s.Map.Sections[i], s.drawn.section(i)
	v.ID, v.Name, v.Width, v.Height, v.Focus, v.Pitch = section.ID, section.Name, drawn.width, drawn.height, drawn.focus, s.drawn.whole.Pitch
	v.Version, v.Orphans = s.Version, s.Map.AllowOrphans
	number := s.drawn.first[i]
	tiers := map[int]bool{}
	for r, row := range section.Rows {
		out := views.SeatRow{Name: row.Name, Seats: make([]views.SeatView, len(row.Seats))}
		for j := range row.Seats {
			seat, at := &row.Seats[j], drawn.at[r][j]
			o := views.SeatView{
				Number: number, Label: seat.Label, X: int(at.X), Y: int(at.Y), State: s.state(number), Own: s.own[number],
				Wheelchair: seat.Accessible, Companion: seat.CompanionOf != "", Restricted: seat.Restricted, Aisle: seat.Aisle,
				Tier: seat.Tier, Price: s.tiers[seat.Tier].Price,
			}
			o.Opened = s.everybody != nil && o.State == 'f' && s.everybody.States[number] == claim.SeatBlocked
			switch o.State {
			case 'f':
				v.Left++
				o.Chosen = slices.Contains(chosen, number)
			case 'h':
				v.Others++
			}
			tiers[seat.Tier] = true
			out.Seats[j] = o
			number++
		}
		v.Rows = append(v.Rows, out)
	}
	for t := range s.tiers {
		if tiers[t] {
			v.Tiers = append(v.Tiers, s.tiers[t])
		}
	}
	for _, n := range chosen {
		if s.drawn.holds(n) != i && s.state(n) == 'f' {
			v.Kept = append(v.Kept, s.name(n))
		}
	}
}

// runsMost bounds the list of seats side by side.
const runsMost = 6

// span is n numbers from the first.
func span(first, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = first + i
	}
	return out
}

// runs are the best seats side by side that a section has, none of them twice.
func (s seatsOf) runs(i, size int) (out []views.SeatRun) {
	first, plan := s.drawn.first[i], s.drawn.section(i).plan
	given := map[int]bool{}
	free := func(n int) bool { return !given[n] && s.state(first+n) == 'f' }
	for t := range s.tiers {
		for len(out) < runsMost {
			at, _, ok := plan.Best(free, t, size)
			if !ok {
				break
			}
			if seats := span(first+at, size); !s.fine(i, seats) {
				given[at] = true // it would be refused
				continue
			}
			run := views.SeatRun{}
			var notes []string
			note := func(is bool, words string) {
				if is && !slices.Contains(notes, words) {
					notes = append(notes, words)
				}
			}
			for n := at; n < at+size; n++ {
				given[n] = true
				seat := s.Seat(first + n)
				run.Seats = append(run.Seats, s.name(first+n))
				run.Price += s.tiers[t].Price
				note(seat.Aisle, "on the aisle")
				note(seat.Accessible, "wheelchair place")
				note(seat.CompanionOf != "", "companion of a wheelchair place")
				note(seat.Restricted, "restricted view")
			}
			run.Notes = strings.Join(notes, ", ")
			out = append(out, run)
		}
	}
	return out
}
