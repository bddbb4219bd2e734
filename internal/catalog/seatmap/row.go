package seatmap

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rowDoc is a row as it is written.
type rowDoc struct {
	at   *path
	name string
	to   string
	skip []string
	tier int // -2: none given
	// listed: seats are given one by one.
	listed bool
	seats  []seatDoc

	count, grow int
	first       *int
	numbering   string
	label       string
	aisles      []int
	marks       []mark
	line        line
	placed      bool // x and y of the row are given
}

type seatDoc struct {
	Seat
	tier   int // -2: none given
	placed bool
}

// mark says something about some seats of a row.
type mark struct {
	at     *path
	labels []string
	seatDoc
}

// noTier stands for a tier that is not said, -1 for one that the event does not have.
const noTier = -2

var numberings = []string{"up", "down", "odd", "even", "centre"}

func (b *builder) row(at *path) *rowDoc {
	r := &rowDoc{at: at, tier: noTier, numbering: "up", label: "{row}{n}", line: line{step: 1, pitch: 1}}
	var named, hasX, hasY, counted bool
	var onlyCounted []*path
	generates := func(at *path) { onlyCounted = append(onlyCounted, at) }
	if !b.object(at, func(name string, at *path) bool {
		switch name {
		case "name":
			named, r.name = true, b.text(at, maxLabel)
		case "tier":
			r.tier = b.tier(at)
		case "seats":
			r.listed = true
			b.array(at, func(at *path) {
				s := b.seat(at)
				if b.seats++; b.seats <= MaxSeats {
					r.seats = append(r.seats, s)
				}
			})
		case "count":
			counted, r.count = true, b.integer(at, 1, maxRowSeats)
		case "to":
			generates(at)
			r.to = b.text(at, maxLabel)
		case "skip":
			generates(at)
			r.skip = b.texts(at, maxLabel)
		case "grow":
			generates(at)
			r.grow = b.integer(at, -100, 100)
		case "first":
			generates(at)
			n := b.integer(at, 0, 100_000)
			r.first = &n
		case "numbering":
			generates(at)
			if r.numbering = b.text(at, maxLabel); !slices.Contains(numberings, r.numbering) {
				b.add(at, "The numbering is one of "+strings.Join(numberings, ", ")+".")
			}
		case "label":
			generates(at)
			if r.label = b.text(at, maxName); !strings.Contains(r.label, "{n}") {
				b.add(at, "The pattern of the labels must hold {n}, for example {row}{n}.")
			}
		case "aisles":
			generates(at)
			b.array(at, func(at *path) { r.aisles = append(r.aisles, b.integer(at, 1, maxRowSeats)) })
		case "marks":
			generates(at)
			b.array(at, func(at *path) { b.mark(at, r) })
		case "pitch":
			generates(at)
			r.line.pitch = b.length(at, 0.5, 100)
		case "x":
			hasX, r.line.x = true, b.length(at, -maxCoord, maxCoord)
		case "y":
			hasY, r.line.y = true, b.length(at, -maxCoord, maxCoord)
		case "angle":
			r.line.angle = b.length(at, -360, 360)
		case "step":
			r.line.step = b.length(at, 0.5, 100)
		case "curve":
			r.line.curve = b.length(at, 0, maxCoord)
		default:
			return false
		}
		return true
	}) {
		return nil
	}
	if !named {
		b.add(at.member("name"), "This is missing.")
	}
	switch r.placed = hasX && hasY; {
	case hasX != hasY:
		b.add(at, "Give both x and y of the middle of the row, or neither.")
	case r.listed == counted:
		b.add(at, "A row has either seats, one by one, or a count of them.")
	case counted && !r.placed:
		b.add(at, "Give x and y of the middle of the row.")
	case r.listed && len(r.seats) == 0 && b.seats <= MaxSeats:
		b.add(at.member("seats"), "A row needs at least one seat.")
	case r.listed && len(r.seats) > maxRowSeats:
		b.add(at.member("seats"), fmt.Sprintf("A row has %d seats at most.", maxRowSeats))
	}
	if r.listed {
		for _, at := range onlyCounted {
			b.add(at, "This belongs to rows with a count of seats.")
		}
		for i, s := range r.seats {
			if !s.placed && !r.placed {
				b.add(source{at, true}.seat(i), "Give x and y of the seat, or of the middle of its row.")
			}
		}
	} else if !counted || !r.placed {
		return nil // it stands for no seats
	}
	return r
}

func (b *builder) seat(at *path) seatDoc {
	s := seatDoc{tier: noTier}
	var hasX, hasY, labelled bool
	if !b.object(at, func(name string, at *path) bool {
		switch name {
		case "label":
			labelled = true
			s.Label = b.text(at, maxLabel)
		case "x":
			hasX, s.X = true, b.coord(at)
		case "y":
			hasY, s.Y = true, b.coord(at)
		case "aisle":
			s.Aisle = b.boolean(at)
		default:
			return b.said(name, at, &s)
		}
		return true
	}) {
		s.placed = true // one error is enough
		return s
	}
	if !labelled {
		b.add(at.member("label"), "Say what is printed on the seat.")
	}
	if s.placed = hasX || hasY; hasX != hasY {
		b.add(at, "Give both x and y of the seat, or neither.")
	}
	return s
}

// said reads what a seat and a mark have in common.
func (b *builder) said(name string, at *path, s *seatDoc) bool {
	switch name {
	case "tier":
		s.tier = b.tier(at)
	case "accessible":
		s.Accessible = b.boolean(at)
	case "companion_of":
		s.CompanionOf = b.text(at, maxLabel)
	case "restricted":
		s.Restricted = b.boolean(at)
	case "blocked":
		s.Blocked = b.boolean(at)
	default:
		return false
	}
	return true
}

func (b *builder) mark(at *path, r *rowDoc) {
	m := mark{at: at, seatDoc: seatDoc{tier: noTier}}
	named := false
	if b.object(at, func(name string, at *path) bool {
		if name == "seats" {
			named = true
			m.labels = b.texts(at, maxLabel)
			return true
		}
		return b.said(name, at, &m.seatDoc)
	}) && !named {
		b.add(at.member("seats"), "Say which seats are meant, by their labels.")
	}
	r.marks = append(r.marks, m)
}

// apply says of a seat what a mark says.
func (m mark) apply(s *Seat) {
	s.Accessible = s.Accessible || m.Accessible
	s.Restricted = s.Restricted || m.Restricted
	s.Blocked = s.Blocked || m.Blocked
	if m.CompanionOf != "" {
		s.CompanionOf = m.CompanionOf
	}
	if m.tier >= 0 {
		s.Tier = m.tier
	}
}

// number is what is printed on seat i of n.
func (r *rowDoc) number(i, n int) int {
	first := 1
	if r.numbering == "even" {
		first = 2
	}
	if r.first != nil {
		first = *r.first
	}
	switch r.numbering {
	case "down":
		return first + n - 1 - i
	case "odd", "even":
		return first + 2*i
	case "centre":
		if left := (n + 1) / 2; i < left {
			return 2*(left-1-i) + 1
		} else {
			return 2 * (i - left + 1)
		}
	}
	return first + i
}

// printed is the label of a seat.
func (r *rowDoc) printed(row string, number int) string {
	return strings.NewReplacer("{row}", row, "{n}", strconv.Itoa(number)).Replace(r.label)
}

// names are the rows that a row is repeated as.
func (r *rowDoc) names() ([]string, string) {
	if r.to == "" {
		return []string{r.name}, ""
	}
	const most = 300
	skip := make(map[string]bool, len(r.skip))
	for _, name := range r.skip {
		skip[name] = true
	}
	var list []string
	for name := r.name; len(list) < most; name = following(name) {
		if name == "" {
			return nil, "Rows go on by letters, like A to M or A to AC, or by numbers, like 1 to 40."
		}
		if !skip[name] {
			list = append(list, name)
		}
		if name == r.to {
			return list, ""
		}
	}
	return nil, fmt.Sprintf("This is not among the %d rows that follow %s.", most, r.name)
}

// following is the name of the next row: B after A, AA after Z, 13 after 12; "" where there is none.
func following(name string) string {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		return strconv.Itoa(n + 1)
	}
	letters := []byte(name)
	for i := len(letters) - 1; i >= 0; i-- {
		if letters[i] < 'A' || letters[i] > 'Z' {
			return ""
		}
		if letters[i] != 'Z' {
			letters[i]++
			return string(letters)
		}
		letters[i] = 'A'
	}
	return "A" + string(letters)
}
