package views

import (
	"strings"
	"time"

	"github.com/a-h/templ"
)

func heldTiers() []TierInfo {
	tiers := soldTiers()
	for i := range tiers {
		tiers[i].SoldOut = false
	}
	return tiers
}

// galleryMap is the bowl of the design, with one section of each kind and state.
func galleryHall() *MapView {
	v := &MapView{Width: 360, Height: 352, Zoom: 1, Stage: "M104 4h152v34H104z", StageX: 180, StageY: 28, StageSize: 18}
	add := func(name string, x, y, size, left, held int, path string) *MapSection {
		short := name[strings.LastIndex(name, " ")+1:]
		v.Sections = append(v.Sections, MapSection{
			ID: strings.ToLower(short), Name: name, Short: short, Path: path, X: x, Y: y, Size: size, SizeLeft: 13,
			From: 1250000, OnePrice: true, Left: left, Held: held, Capacity: 1400,
		})
		return &v.Sections[len(v.Sections)-1]
	}
	s := add("Golden Circle", 180, 62, 14, 0, 0, "M110 46h140v44H110z")
	s.Standing, s.TierID, s.From, s.Short = true, "t3", 6000000, s.Name
	s = add("Floor", 180, 150, 24, 1640, 300, "M102 98h156v42a78 78 0 0 1-156 0z")
	s.Standing, s.TierID, s.From = true, "t2", 2500000
	add("Stand H", 312, 185, 20, 0, 0, "M356 149.7A176.4 196 0 0 1 327.9 242.7L267.6 199.2A104.4 116 0 0 0 284.1 144.1Z")
	add("Stand G", 273, 251, 20, 412, 80, "M324.5 248.4A176.4 196 0 0 1 265.5 307.4L230.6 237.5A104.4 116 0 0 0 265.5 202.5Z").Wheelchair = 6
	add("Stand F", 214, 286, 20, 60, 12, "M260.1 310.6A176.4 196 0 0 1 183.1 332L181.8 252A104.4 116 0 0 0 227.4 239.4Z")
	add("Stand E", 146, 286, 20, 388, 40, "M176.9 332A176.4 196 0 0 1 99.9 310.6L132.6 239.4A104.4 116 0 0 0 178.2 252Z")
	add("Stand D", 87, 251, 20, 0, 48, "M94.5 307.4A176.4 196 0 0 1 35.5 248.4L94.5 202.5A104.4 116 0 0 0 129.4 237.5Z")
	add("Stand C", 48, 185, 20, 0, 0, "M32.1 242.7A176.4 196 0 0 1 4 149.7L75.9 144.1A104.4 116 0 0 0 92.4 199.2Z").Wait = "With a code only, until today, 18:00"
	return v
}

func gallerySeated() ChooseView {
	v := ChooseView{
		Event: galleryEvent(SaleOpen), Tiers: galleryTiers(), Until: galleryNow.Add(512 * time.Second), Visit: 10 * time.Minute, Hold: 10 * time.Minute, CanTake: 4, Map: galleryHall(),
	}
	v.Tiers[2].Available, v.Tiers[2].SoldOut = 0, true
	v.Tiers = v.Tiers[:3]
	return v
}

// gallerySection is a stand of a few bowed rows with every kind and state of a seat.
func gallerySection() SectionView {
	v := SectionView{
		Event: galleryEvent(SaleOpen), ID: "d", Name: "Stand D", Until: galleryNow.Add(512 * time.Second), Visit: 10 * time.Minute, Hold: 10 * time.Minute, CanTake: 4,
		Tiers: galleryTiers()[:1], Zoom: 2, Version: "5", RunSize: 2, Left: 50, Others: 9,
	}
	const rows = "wfss1_ssffsw|ffss1_fsfsff|sffff_fffhsf|sssh1_rfffss|ffhsf_shhfff|shshh_yyfsff|fffff_ffhfsf|bsbff_sfshsc"
	for r, line := range strings.Split(rows, "|") {
		row := SeatRow{Name: string(rune('A' + r))}
		n := 0
		for c, state := range line {
			if state == '_' {
				row.Seats[len(row.Seats)-1].Aisle = true
				continue
			}
			n++
			off := c*2 - len(line) + 1
			s := SeatView{Number: 400 + 11*r + n, Label: row.Name + itoa(n), X: 31 * c, Y: 33*r + 40 - off*off/3, State: 'f', Price: 1250000}
			switch state {
			case 'h', 's', 'b':
				s.State = byte(state)
			case 'y':
				s.Chosen = true
			case 'w':
				s.Wheelchair = true
			case 'c':
				s.Companion = true
			case 'r':
				s.Restricted = true
			}
			row.Seats = append(row.Seats, s)
		}
		v.Rows = append(v.Rows, row)
	}
	v.Width, v.Height = 31*11, 33*7+40
	name := func(row string, labels ...string) (out []SeatName) {
		for i, l := range labels {
			out = append(out, SeatName{ID: itoa(400 + i), Section: v.Name, Row: row, Label: row + l})
		}
		return out
	}
	v.Runs = []SeatRun{
		{Seats: name("C", "3", "4"), Price: 2500000}, {Seats: name("F", "6", "7"), Price: 2500000, Notes: "on the aisle"},
		{Seats: name("D", "6", "7"), Price: 2500000, Notes: "on the aisle, restricted view"}, {Seats: name("G", "1", "2"), Price: 2500000},
	}
	return v
}

func (b *galleryBook) choosing() {
	b.group = "Choosing seats"
	choose := func(change func(*ChooseView)) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			v := gallerySeated()
			if change != nil {
				change(&v)
			}
			return ChoosePage(signedIn(f), v)
		}
	}
	b.add("seats", "Sections", choose(nil))
	b.add("seats-large", "Sections, larger map", choose(func(v *ChooseView) { v.Map.Zoom = 2 }))
	b.add("seats-pitch", "Sections round a pitch", choose(func(v *ChooseView) {
		v.Map.Pitch, v.Map.Stage, v.Map.StageX, v.Map.StageY = true, "M104 4h152v84H104z", 180, 54
		v.Map.Sections = v.Map.Sections[2:]
	}))
	b.add("seats-apart", "A party that fits nowhere together", choose(func(v *ChooseView) {
		v.Apart = &ApartOffer{TierID: "t1", Tier: "Stands", Quantity: 4, Most: 3, Others: v.Tiers[1:2]}
		v.Quantity, v.TierID = 4, "t1"
	}))
	b.add("seats-none", "All held", choose(func(v *ChooseView) {
		v.Tiers = heldTiers()
		for i := range v.Map.Sections {
			v.Map.Sections[i].Left, v.Map.Sections[i].Held = 0, 5
		}
	}))
	b.add("seats-presale", "A presale, one code given", choose(func(v *ChooseView) {
		v.Presale = PresaleInfo{Runs: true, Opened: []string{"Fan club"}}
	}))
	b.add("seats-change", "Choosing again inside a hold", choose(func(v *ChooseView) {
		v.ClaimID, v.Held, v.Quantity, v.Until = "c1", 2, 2, galleryNow.Add(401*time.Second)
	}))
	b.add("seats-holding", "Sections, holding already", choose(func(v *ChooseView) { v.Checkout = "/checkout/c1" }))
	section := func(change func(*SectionView)) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			v := gallerySection()
			if change != nil {
				change(&v)
			}
			return SeatsPage(signedIn(f), v)
		}
	}
	unchosen := func(v *SectionView) {
		for _, r := range v.Rows {
			for i := range r.Seats {
				r.Seats[i].Chosen = false
			}
		}
	}
	b.add("section", "Seats, two chosen", section(nil))
	b.add("section-none", "Seats, none chosen, twice as large", section(func(v *SectionView) { unchosen(v); v.Zoom = 4 }))
	b.add("section-lost", "A seat was lost", section(func(v *SectionView) {
		v.Rows[5].Seats[6].State, v.Rows[5].Seats[6].Chosen = 's', false
		lost := SeatName{Section: v.Name, Row: "F", Label: "F7"}
		v.Refusal = &SeatRefusal{Lost: []SeatName{lost}, Kept: 1, Offers: []SeatOffer{{Seats: []string{"436", "437"}, Label: "Take row D, seats 8 and 9 instead, ₦25,000"}}}
	}))
	b.add("section-lost-all", "Seats were lost, nothing near", section(func(v *SectionView) {
		unchosen(v)
		v.Refusal = &SeatRefusal{Lost: []SeatName{{Section: v.Name, Row: "F", Label: "F6"}, {Section: v.Name, Row: "F", Label: "F7"}}}
	}))
	b.add("section-orphan", "A seat would be left alone", section(func(v *SectionView) {
		v.Refusal = &SeatRefusal{Alone: &SeatName{Section: v.Name, Row: "F", Label: "F8"}, Offers: []SeatOffer{{Seats: []string{"462", "463"}, Label: "Move to row F, seats 7 and 8, ₦25,000"}, {Seats: []string{"461", "462", "463"}, Label: "Take row F, seat 8 as well, ₦37,500"}}}
	}))
	b.add("section-change", "Seats inside a hold, one in another section", section(func(v *SectionView) {
		v.ClaimID, v.Held, v.Until = "c1", 3, galleryNow.Add(401*time.Second)
		v.Kept = []SeatName{{ID: "9", Section: "Stand E", Row: "B", Label: "B4"}}
		v.Rows[5].Seats[5].Own, v.Rows[5].Seats[6].Own = true, true
	}))
	b.add("section-gone", "A section with nothing left", section(func(v *SectionView) {
		for _, r := range v.Rows {
			for i := range r.Seats {
				r.Seats[i].Chosen, r.Seats[i].State = false, "shs"[i%3]
			}
		}
		v.Left, v.Runs, v.Focus = 0, nil, -80
	}))
	b.add("section-holding", "Seats, holding already", section(func(v *SectionView) { v.Checkout = "/checkout/c1" }))
}
