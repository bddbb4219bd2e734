package views_test

import (
	"bytes"
	"compress/gzip"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"fairqueue/views"
)

// block is a section of bowed rows in which seats of every state lie as by chance.
func block(rows, seats int) views.SectionView {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // only spreads
	v := views.SectionView{
		Event: event(views.SaleOpen), ID: "block-114", Name: "Block 114", Until: now.Add(8 * time.Minute), Visit: 10 * time.Minute, CanTake: 4, Zoom: 2,
		Tiers: []views.TierInfo{{ID: "t", Name: "Lower", Price: 2_500_000, Seated: true}, {ID: "u", Name: "View", Price: 1_500_000, Seated: true}},
		Width: 31 * seats, Height: 31*rows + 300, Version: "9f3c71be04d2a1f0",
	}
	const states = "ffffffffffhhsssssssb"
	n := 0
	for i := range rows {
		row := views.SeatRow{Name: string(rune('A'+i/26)) + string(rune('A'+i%26))}
		for j := range seats {
			a, radius := (float64(j)-float64(seats)/2)/80, float64(2400+31*i)
			s := views.SeatView{
				Number: 21_000 + n, Label: row.Name + strconv.Itoa(j+1), State: states[r.IntN(len(states))], Price: 2_500_000, Aisle: j == seats/3 || j == 2*seats/3,
				X: 800 + int(radius*math.Sin(a)), Y: 31*i + int(2400*(1-math.Cos(a))), Wheelchair: i == 0 && j%9 == 0, Companion: i == 0 && j%9 == 1,
			}
			if j < 3 {
				s.Restricted, s.Tier, s.Price = true, 1, 1_500_000
			}
			row.Seats = append(row.Seats, s)
			n++
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// A section of 1,500 seats, each with its full name, its place and its state, costs a fan at most 40 kB.
func TestASectionOf1500SeatsIsSmall(t *testing.T) {
	t.Parallel()
	page := render(t, views.SeatsPage(frame(), block(30, 50)))
	root := parse(t, page)
	seats := all(root, func(n *html.Node) bool { name, _ := attr(n, "name"); return n.Data == "input" && name == "seat_ids" })
	if len(seats) != 1500 {
		t.Fatalf("%d seats", len(seats))
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write([]byte(page))
	_ = w.Close()
	t.Logf("1,500 seats: %d bytes, %d compressed", len(page), z.Len())
	if z.Len() > 40_000 {
		t.Errorf("%d bytes, at most 40,000", z.Len())
	}
}

// Each seat is large enough for a thumb.
func TestSeatsAreLargeEnough(t *testing.T) {
	t.Parallel()
	v := block(12, 30)
	v.Rows[3].Seats = v.Rows[3].Seats[:7]
	root := parse(t, render(t, views.SeatsPage(frame(), v)))
	boxes := all(root, func(n *html.Node) bool { return n.Data == "foreignObject" })
	if len(boxes) != 12*30-23 {
		t.Fatalf("%d boxes", len(boxes))
	}
	for _, b := range boxes {
		for _, side := range []string{"width", "height"} {
			size, _ := attr(b, side)
			if n, _ := strconv.Atoi(size); n < 24 {
				t.Fatalf("a seat is %s wide or high", size)
			}
		}
	}
}

func TestWordsForSeats(t *testing.T) {
	t.Parallel()
	at := func(section, row, label string) views.SeatName {
		return views.SeatName{Section: section, Row: row, Label: label}
	}
	for want, seats := range map[string][]views.SeatName{
		"row F, seat 12":                        {at("Block 114", "F", "F12")},
		"row 24, seat 1":                        {at("Lower 1", "24", "24-1")},
		"row F, seats 6, 7 and 8":               {at("D", "F", "6"), at("D", "F", "7"), at("D", "F", "8")},
		"row F, seat 6; row G, seat 6":          {at("D", "F", "F6"), at("D", "G", "G6")},
		"D, row F, seat 6; E, row F, seat 6":    {at("D", "F", "F6"), at("E", "F", "F6")},
		"row 1, seat 12":                        {at("D", "1", "12")}, // 12 of row 1 is not 2
		"row L, seat Left":                      {at("D", "L", "Left")},
		"row AA, seat 3; row AB, seats 1 and 2": {at("D", "AA", "AA3"), at("D", "AB", "AB1"), at("D", "AB", "AB2")},
	} {
		if got := views.SeatWords(seats); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Somebody who loses a seat hears which, what is still theirs to take, and what to do.
func TestALostSeatIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	v := block(3, 6)
	v.Refusal = &views.SeatRefusal{
		Lost: []views.SeatName{{Section: v.Name, Row: "AB", Label: "AB3"}}, Kept: 1,
		Offers: []views.SeatOffer{{Seats: []string{"21001", "21002"}, Label: "Take row AA, seats 2 and 3 instead, ₦50,000"}},
	}
	root := parse(t, render(t, views.SeatsPage(frame(), v)))
	alerts := all(root, func(n *html.Node) bool { role, _ := attr(n, "role"); return role == "alert" })
	if len(alerts) != 1 {
		t.Fatalf("%d alerts", len(alerts))
	}
	for _, want := range []string{"Row AB, seat 3 has just gone to somebody else", "Nothing is held for you yet", "Your other seat is still free", "Take row AA, seats 2 and 3 instead"} {
		if !strings.Contains(text(alerts[0]), want) {
			t.Errorf("the alert does not say %q: %s", want, text(alerts[0]))
		}
	}
	var sent []string
	for _, in := range all(alerts[0], tag("input")) {
		name, _ := attr(in, "name")
		value, _ := attr(in, "value")
		sent = append(sent, name+"="+value)
	}
	if got := strings.Join(sent, " "); got != "section=block-114 seat_ids=21001 seat_ids=21002" {
		t.Errorf("the offer sends %s", got)
	}
}

// What is in baskets may come back; what is sold does not. Both are said, and differently.
func TestNothingLeftIsSaidAsItIs(t *testing.T) {
	t.Parallel()
	page := func(tiers ...views.TierInfo) string {
		return text(parse(t, render(t, views.ChoosePage(frame(), views.ChooseView{Event: event(views.SaleOpen), Until: now.Add(time.Minute), CanTake: 2, Tiers: tiers}))))
	}
	held := page(views.TierInfo{ID: "a", Name: "Floor", Capacity: 5}, views.TierInfo{ID: "b", Name: "Box", Capacity: 5, SoldOut: true})
	if !strings.Contains(held, "All tickets are in other people’s baskets") || !strings.Contains(held, "Some usually come back") || strings.Contains(held, "All tickets are sold") {
		t.Errorf("held reads %s", held)
	}
	sold := page(views.TierInfo{ID: "a", Name: "Floor", Capacity: 5, SoldOut: true})
	if !strings.Contains(sold, "All tickets are sold") || strings.Contains(sold, "come back here") || strings.Contains(sold, "baskets") {
		t.Errorf("sold reads %s", sold)
	}
	later := page(views.TierInfo{ID: "a", Name: "Floor", Capacity: 5, Wait: "On sale from today, 14:00"})
	if !strings.Contains(later, "Nothing can be bought at this moment") || !strings.Contains(later, "Floor: on sale from today, 14:00.") {
		t.Errorf("later reads %s", later)
	}
}

// Names of sections, rows and seats are an organizer's text.
func TestNothingOnASeatBecomesMarkup(t *testing.T) {
	t.Parallel()
	const bad = `<b onclick="x">"'&`
	v := block(2, 3)
	v.ID, v.Name, v.Rows[0].Name, v.Rows[1].Seats[0].Label = bad, bad, bad, bad
	v.Rows[0].Seats[0].Chosen = true
	root := parse(t, render(t, views.SeatsPage(frame(), v)))
	if n := all(root, func(n *html.Node) bool { _, on := attr(n, "onclick"); return on }); len(n) > 0 {
		t.Error("a name became markup")
	}
	seats := all(root, func(n *html.Node) bool { name, _ := attr(n, "name"); return name == "seat_ids" && n.Data == "input" })
	if label, _ := attr(seats[3], "aria-label"); !strings.HasPrefix(label, bad+", row AB, seat "+bad+", ") {
		t.Errorf("the seat is called %q", label)
	}
}
