package views

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"fairqueue/internal/money"
	"fairqueue/views/ui"
)

// SectionView is one section with its seats, inside.
type SectionView struct {
	Event    EventInfo
	ID, Name string
	Until    time.Time // the visit ends, or the hold that is changed
	Visit    time.Duration
	Hold     time.Duration
	CanTake  int
	ClaimID  string // choosing again inside this hold
	Held     int
	Checkout string      // /checkout/{claim} while one is open: no second one
	UsedUp   *UsedUpInfo // no payment is left in this visit; nil: one is
	Bank     *BankInfo   // the payment for it, where one is under way
	Tiers    []TierInfo
	Rows     []SeatRow
	Width    int // of the drawing, without its margins
	Height   int
	Zoom     int     // in halves: 2 is as drawn
	Focus    float64 // degrees from straight up; negative: to the left
	Pitch    bool
	Left     int
	Others   int // seats that others hold
	Version  string
	Orphans  bool // single seats may be left alone
	Runs     []SeatRun
	RunSize  int
	Kept     []SeatName // chosen in other sections
	Refusal  *SeatRefusal
	Problem  *Problem
}

// SeatRow is a row, in the order in which its seats stand.
type SeatRow struct {
	Name  string
	Seats []SeatView
}

// SeatView is one seat of the drawing.
type SeatView struct {
	Number int    // in the hall: what the form sends
	Label  string // as printed
	X, Y   int
	// State is f (free), h (held), s (sold) or b (not for sale).
	State      byte
	Chosen     bool
	Own        bool // held by the very claim that is changed
	Opened     bool // to this fan by a code: not for sale to everybody
	Wheelchair bool
	Companion  bool
	Restricted bool
	Aisle      bool // lies between this seat and the next
	Tier       int
	Price      money.Kobo
}

// SeatName is a seat in words.
type SeatName struct {
	ID                  string // what the form sends
	Section, Row, Label string
}

// SeatRun is so many seats next to each other.
type SeatRun struct {
	Seats []SeatName
	Price money.Kobo // of all of them
	Notes string     // "on the aisle"
}

// SeatRefusal says which seat stands in the way, and what can be had instead by one click.
type SeatRefusal struct {
	Lost   []SeatName // somebody else has them
	Alone  *SeatName  // would be left alone
	Offers []SeatOffer
	Kept   int // of what was chosen, still marked
}

// SeatOffer is one click.
type SeatOffer struct {
	Seats []string
	Label string
	Price money.Kobo
}

const (
	seatBox    = 28
	seatMargin = 30
)

// shortLabel is what stands on a seat beside the name of its row: 12 of F12 or F-12.
func shortLabel(row, label string) string {
	if rest, ok := strings.CutPrefix(label, row); ok && row != "" {
		figure := func(c byte) bool { return c >= '0' && c <= '9' }
		number := strings.TrimLeft(rest, "-. ")
		if number != "" && figure(number[0]) && (len(number) < len(rest) || !figure(row[len(row)-1])) {
			return number
		}
	}
	return label
}

// SeatWords names seats by row: "row F, seats 12 and 13"; with the section where all of them are not in the same one.
func SeatWords(seats []SeatName) string {
	one := true
	for _, s := range seats {
		one = one && s.Section == seats[0].Section
	}
	var groups []string
	for i := 0; i < len(seats); {
		var labels []string
		j := i
		for ; j < len(seats) && seats[j].Section == seats[i].Section && seats[j].Row == seats[i].Row; j++ {
			labels = append(labels, shortLabel(seats[j].Row, seats[j].Label))
		}
		words := "row " + seats[i].Row + ", seat "
		if len(labels) > 1 {
			words = "row " + seats[i].Row + ", seats "
		}
		if !one {
			words = seats[i].Section + ", " + words
		}
		groups = append(groups, words+list(labels, "and"))
		i = j
	}
	return strings.Join(groups, "; ")
}

// words of a refusal.
func (r SeatRefusal) words() (title, text string) {
	if r.Alone != nil {
		return "Row " + r.Alone.Row + ", seat " + shortLabel(r.Alone.Row, r.Alone.Label) + " would be left alone",
			"Hardly anybody buys a single seat, so we do not leave one where it can be avoided. Move your seats by one, or take that seat as well. Nothing is held for you yet, and your seats are still marked."
	}
	title = upperFirst(SeatWords(r.Lost)) + " "
	if len(r.Lost) == 1 {
		title += "has just gone to somebody else"
	} else {
		title += "have just gone to somebody else"
	}
	text = "Nothing is held for you yet."
	if r.Kept > 0 {
		text += " Your other " + count(r.Kept, "seat is", "seats are") + " still free and marked below."
		if r.Kept == 1 {
			text = "Nothing is held for you yet. Your other seat is still free and marked below."
		}
	}
	if len(r.Offers) == 0 {
		text += " Nothing equal is free near it. Choose others, or let us find the best that are left."
	} else {
		text += " The nearest that are free can be yours now:"
	}
	return title, text
}

// chosen are the seats that are marked, in order, with those of other sections at the end.
func (v SectionView) chosen() (seats []SeatName, sum money.Kobo) {
	for _, r := range v.Rows {
		for _, s := range r.Seats {
			if s.Chosen {
				seats = append(seats, SeatName{ID: itoa(s.Number), Section: v.Name, Row: r.Name, Label: s.Label})
				sum += s.Price
			}
		}
	}
	return seats, sum
}

func (v SectionView) chosenWords() (names, total, button string) {
	seats, sum := v.chosen()
	switch n := len(seats); {
	case n == 0 && v.ClaimID != "":
		return "No seat chosen here", "Tick the seats you want instead.", "Take these instead"
	case n == 0:
		return "No seat chosen yet", "Tick the seats you want.", "Hold these seats"
	case v.ClaimID != "":
		return upperFirst(SeatWords(seats)), count(n, "seat", "seats") + ", " + price(sum), "Take " + thisOrThese(n) + " instead"
	default:
		return upperFirst(SeatWords(seats)), count(n, "seat", "seats") + ", " + price(sum), "Hold " + count(n, "seat", "seats")
	}
}

func thisOrThese(n int) string {
	if n == 1 {
		return "this one"
	}
	return "these " + itoa(n)
}

func (v SectionView) timer() timerView {
	if v.Bank != nil || v.UsedUp != nil {
		return timerView{} // nothing is to be chosen in time
	}
	of := v.Visit
	if v.ClaimID != "" {
		of = v.Hold
	}
	return chooseTimer(v.Event, v.Until, of, v.Held)
}

// stageWords says where to look.
func (v SectionView) stageWords() string {
	what := "Stage"
	if v.Pitch {
		what = "Pitch"
	}
	switch {
	case v.Focus < -55:
		return what + " to the left"
	case v.Focus > 55:
		return what + " to the right"
	}
	return what + " this way"
}

func (v SectionView) leftLine() string {
	switch {
	case v.Left > 0:
		return count(v.Left, "seat", "seats") + " free."
	case v.Others > 0:
		return "All seats here are in other people’s baskets or sold. Some usually come back: they turn free on this page."
	}
	return "All seats here are sold or not for sale."
}

func (v SectionView) has(is func(SeatView) bool) bool {
	for _, r := range v.Rows {
		for _, s := range r.Seats {
			if is(s) {
				return true
			}
		}
	}
	return false
}

// scripts of the page: live changes, where something can be chosen.
func (v SectionView) scripts() []string {
	if v.Checkout != "" || v.CanTake < 1 {
		return nil
	}
	return []string{"seats.js"}
}

// seatStates follow the name of a seat that cannot be chosen.
var seatStates = map[byte]string{'h': "; held, may come back", 's': "; sold", 'b': "; not for sale"}

// seatGrid draws the seats: a grid of rows and check boxes, each where its seat is. It is written by hand because a section
// has up to some thousands of them and every byte of one counts that often.
func seatGrid(v SectionView) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		b.Grow(300 * (1 + v.Width*v.Height/900))
		width, height := v.Width+seatBox+2*seatMargin, v.Height+seatBox+4
		put := func(parts ...string) {
			for _, p := range parts {
				b.WriteString(p)
			}
		}
		put(`<svg id="seatmap" class="seatmap" role="grid" aria-label="Seats of `, templ.EscapeString(v.Name), `" data-section="`, templ.EscapeString(v.ID), `" data-version="`, v.Version,
			`" width="`, itoa(width*v.Zoom/2), `" height="`, itoa(height*v.Zoom/2), `" viewBox="0 0 `, itoa(width), " ", itoa(height), `">`)
		if v.has(func(s SeatView) bool { return s.Wheelchair }) {
			put(`<symbol id="i-w" viewBox="0 0 24 24">`, ui.Lines("accessibility"), `</symbol>`)
		}
		n := 0
		for _, r := range v.Rows {
			if len(r.Seats) == 0 {
				continue
			}
			row := templ.EscapeString(r.Name)
			first := r.Seats[0]
			put(`<g role="row" data-row="`, row, `" data-tier="`, itoa(first.Tier), `" data-price="`, strconv.FormatInt(int64(first.Price), 10), `">`)
			left, right := first, first
			for _, s := range r.Seats {
				if s.X < left.X {
					left = s
				}
				if s.X > right.X {
					right = s
				}
			}
			put(`<text role="rowheader" x="`, itoa(left.X+seatMargin/2-1), `" y="`, itoa(left.Y+seatBox/2+7), `">`, row, `</text>`)
			name := templ.EscapeString(v.Name) + ", row " + row + ", seat "
			for _, s := range r.Seats {
				writeSeat(&b, name, templ.EscapeString(shortLabel(r.Name, s.Label)), s, first, n)
				n++
			}
			put(`<text aria-hidden="true" x="`, itoa(right.X+seatBox+3*seatMargin/2+1), `" y="`, itoa(right.Y+seatBox/2+7), `">`, row, `</text></g>`)
		}
		put(`</svg>`)
		_, err := io.WriteString(w, b.String())
		return err
	})
}

func writeSeat(b *strings.Builder, name, label string, s, first SeatView, n int) {
	put := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(p)
		}
	}
	put(`<foreignObject role="gridcell" x="`, itoa(s.X+seatMargin), `" y="`, itoa(s.Y+2), `" width="28" height="28"><label class="seat"><input type="checkbox" name="seat_ids" value="`, itoa(s.Number),
		`" data-n="`, itoa(n), `" data-state="`, string(rune(s.State)), `"`)
	if s.Tier != first.Tier {
		put(` data-tier="`, itoa(s.Tier), `"`)
	}
	if s.Price != first.Price {
		put(` data-price="`, strconv.FormatInt(int64(s.Price), 10), `"`)
	}
	if s.Aisle {
		put(` data-aisle`)
	}
	mark, glyph, words := "", label, ""
	if s.Wheelchair {
		mark, glyph, words = "w", `<svg class="ico"><use href="#i-w"/></svg>`, ", wheelchair place"
	}
	if s.Companion {
		mark, glyph, words = mark+"c", "+1", words+", for a companion of the wheelchair place"
	}
	if s.Restricted {
		mark, words = mark+"r", words+", restricted view"
	}
	if mark != "" {
		put(` data-mark="`, mark, `"`)
	}
	if s.Own {
		put(` data-own`)
	}
	if s.Opened {
		put(` data-open`)
	}
	if s.Chosen {
		put(` checked`)
	}
	if s.State != 'f' {
		put(` disabled`)
	}
	put(` aria-label="`, name, label, ", ", templ.EscapeString(price(s.Price)), words, seatStates[s.State], `"><span>`, glyph, `</span></label></foreignObject>`)
}

// words of a run in the list.
func (r SeatRun) words() string {
	// Numbers may be odd on one side of a row and even on the other, or run backwards: few are named one by one.
	if n := len(r.Seats); n > 6 {
		first, last := r.Seats[0], r.Seats[n-1]
		return "Row " + first.Row + ", " + shortLabel(first.Row, first.Label) + " to " + shortLabel(last.Row, last.Label)
	} else if n > 1 {
		labels := make([]string, n)
		for i, s := range r.Seats {
			labels[i] = shortLabel(s.Row, s.Label)
		}
		return "Row " + r.Seats[0].Row + ", " + list(labels, "and")
	}
	return "Row " + r.Seats[0].Row + ", seat " + shortLabel(r.Seats[0].Row, r.Seats[0].Label)
}

func (r SeatRun) more() string {
	words := count(len(r.Seats), "seat", "seats")
	if r.Notes != "" {
		words += ", " + r.Notes
	}
	return words
}

func (r SeatRun) value() string {
	ids := make([]string, len(r.Seats))
	for i, s := range r.Seats {
		ids[i] = s.ID
	}
	return strings.Join(ids, " ")
}

// zoomed is the next size of the drawing, in halves: from as drawn to three times as large.
func (v SectionView) zoomed(by int) string { return itoa(min(max(v.Zoom+by, 2), 6)) }

// prices of the tiers that a section has.
func (v SectionView) prices() string {
	switch {
	case len(v.Tiers) == 0:
		return ""
	case len(v.Tiers) == 1:
		return price(v.Tiers[0].Price) + " a seat"
	}
	return prices(v.Tiers) + " a seat"
}
