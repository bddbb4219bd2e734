package seatmap

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"fairqueue/internal/fault"
)

// Read returns the map that raw describes for an event with these tiers, or everything that is wrong with it; paths
// begin with prefix. The bytes are read once, and at most MaxSeats seats are kept.
func Read(raw []byte, tiers []string, prefix string) (*Map, []fault.Field) {
	root := &path{name: prefix}
	if !json.Valid(raw) || !utf8.Valid(raw) {
		return nil, []fault.Field{{Path: prefix, Message: "The seat map must be JSON in UTF-8."}}
	}
	b := &builder{reader: newReader(raw), tiers: tiers, m: &Map{}, standing: map[int]*path{}, seating: map[int]*path{}}
	b.document(root)
	b.check(root)
	if b.more > 0 {
		b.wrong = append(b.wrong, fault.Field{Path: prefix, Message: fmt.Sprintf("There are %d more errors.", b.more)})
	}
	if len(b.wrong) > 0 {
		return nil, b.wrong
	}
	return b.m, nil
}

// builder makes a map of what it reads.
type builder struct {
	*reader
	tiers []string
	m     *Map
	// seats counts all, also those that are too many and not kept.
	seats, rows int
	// sources say for each section and row where its seats are written.
	sources [][]source
	// The tiers that stand and that sit, each where it is first used.
	standing, seating map[int]*path
}

// source is where a row was written.
type source struct {
	at *path
	// listed: seats stand one by one under at; otherwise they were counted.
	listed bool
}

func (s source) seat(i int) *path {
	if s.listed {
		return s.at.member("seats").at(i)
	}
	return s.at
}

func (b *builder) document(at *path) {
	var focal, sections bool
	ok := b.object(at, func(name string, at *path) bool {
		switch name {
		case "focal":
			focal = true
			var x, y bool
			if b.object(at, func(name string, at *path) bool {
				switch name {
				case "x":
					x, b.m.FocalX = true, b.coord(at)
				case "y":
					y, b.m.FocalY = true, b.coord(at)
				default:
					return false
				}
				return true
			}) && (!x || !y) {
				b.add(at, "Give x and y of the place that everybody looks at.")
			}
		case "allow_orphans":
			b.m.AllowOrphans = b.boolean(at)
		case "sections":
			sections = true
			b.array(at, func(at *path) { b.section(at) })
		default:
			return false
		}
		return true
	})
	if !ok {
		return
	}
	if !focal {
		b.add(at.member("focal"), "Say where everybody looks: {\"x\": 0, \"y\": 0}.")
	}
	switch {
	case !sections || len(b.m.Sections) == 0 && !b.told(at.member("sections")):
		b.add(at.member("sections"), "Name at least one section.")
	case b.seats > MaxSeats:
		b.add(at.member("sections"), fmt.Sprintf("There are %d seats: %d at most.", b.seats, MaxSeats))
	case b.rows > maxRows:
		b.add(at.member("sections"), fmt.Sprintf("There are %d rows: %d at most.", b.rows, maxRows))
	}
}

var idShape = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func (b *builder) section(at *path) {
	s := Section{Tier: -1}
	var rows []*rowDoc
	var capacity *int
	has := map[string]bool{}
	tier := noTier
	if !b.object(at, func(name string, at *path) bool {
		has[name] = true
		switch name {
		case "id":
			if s.ID = b.text(at, maxID); s.ID != "" && !idShape.MatchString(s.ID) {
				b.add(at, "The id is made of small letters, digits and single hyphens, for example lower-tier-12.")
			}
		case "name":
			s.Name = b.text(at, maxName)
		case "kind":
			if s.Kind = Kind(b.text(at, maxName)); s.Kind != Seated && s.Kind != Standing {
				b.add(at, "The kind is seated or standing.")
			}
		case "tier":
			tier = b.tier(at)
		case "capacity":
			n := b.integer(at, 1, maxStanding)
			capacity = &n
		case "rows":
			rows = []*rowDoc{}
			b.array(at, func(at *path) {
				if r := b.row(at); r != nil && len(rows) <= maxRows {
					rows = append(rows, r)
				}
			})
		default:
			return false
		}
		return true
	}) {
		return
	}
	for _, name := range []string{"id", "name", "kind"} {
		if !has[name] {
			b.add(at.member(name), "This is missing.")
		}
	}
	if len(b.m.Sections) >= maxSections {
		if len(b.m.Sections) == maxSections {
			b.add(at, fmt.Sprintf("There are too many sections: %d at most.", maxSections))
		}
		return
	}
	var sources []source
	switch s.Kind {
	case Standing:
		if rows != nil {
			b.add(at.member("rows"), "A standing section has no rows.")
		}
		if capacity == nil {
			b.add(at.member("capacity"), "Say how many people may stand here.")
		} else {
			s.Capacity = *capacity
		}
		if tier == noTier {
			b.add(at.member("tier"), "Say which tier stands here.")
		}
		if s.Tier = tier; tier >= 0 {
			if first := b.standing[tier]; first != nil {
				b.add(at.member("tier"), "Each standing section needs a tier of its own; "+first.String()+" has this one.")
			} else {
				b.standing[tier] = at
			}
		}
	case Seated:
		if capacity != nil {
			b.add(at.member("capacity"), "A seated section has as many places as seats. Leave the capacity out.")
		}
		if !has["rows"] || rows != nil && len(rows) == 0 && !b.told(at.member("rows")) {
			b.add(at.member("rows"), "A seated section needs at least one row.")
		}
		s.Tier = 0
		for _, r := range rows {
			expanded := b.expand(r, tier)
			s.Rows = append(s.Rows, expanded...)
			for range expanded {
				sources = append(sources, source{r.at, r.listed})
			}
		}
	}
	b.m.Sections = append(b.m.Sections, s)
	b.sources = append(b.sources, sources)
}

// told reports whether something is wrong at a path already.
func (b *builder) told(at *path) bool {
	s := at.String()
	return slices.ContainsFunc(b.wrong, func(f fault.Field) bool { return f.Path == s || strings.HasPrefix(f.Path, s+"[") })
}

// tier reads a tier by name or index; -1 for one that is not there.
func (b *builder) tier(at *path) int {
	t := b.token()
	switch v := t.(type) {
	case string:
		if i := slices.Index(b.tiers, v); i >= 0 {
			return i
		}
		b.add(at, "The event has no tier with the name "+strconv.Quote(clip(v))+".")
	case json.Number:
		if i, err := strconv.Atoi(string(v)); err == nil && i >= 0 && i < len(b.tiers) {
			return i
		}
		b.add(at, "The event has no tier "+clip(string(v))+". They are counted from 0.")
	default:
		b.add(at, "A tier is given by its name, or by its place in the list from 0.")
		b.skip(t)
	}
	return -1
}

func badText(s string, limit int) string {
	switch {
	case utf8.RuneCountInString(s) > limit:
		return "This is too long: " + strconv.Itoa(limit) + " characters at most."
	case strings.ContainsFunc(s, unicode.IsControl):
		return "This holds characters that cannot be shown."
	}
	return ""
}

// clip shortens what came from outside.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
