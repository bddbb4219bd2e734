package views

import (
	"time"

	"github.com/a-h/templ"
)

// organizingSeats are the organizer's pages about seats and stock.
func (b *galleryBook) organizingSeats(organizer func(Frame) Frame) {
	form := func(change func(*EventFormView)) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			v := galleryForm()
			change(&v)
			return EventFormPage(organizer(f), v)
		}
	}
	b.add("organizer-money", "Money of an event", func(f Frame) templ.Component {
		return MoneyPage(signedIn(f), MoneyView{Event: galleryEvent(SaleOpen), Form: EventFormView{Money: MoneyForm{
			Channels: []string{"card", "ussd", "bank_transfer"}, Hold: 10 * time.Minute, TransferHold: 30 * time.Minute, TaxName: "VAT", TaxPercent: "7.5", TaxNumber: "12345678-0042", Returns: true, ReturnsUntil: "2026-12-10T18:00",
		}}})
	})
	b.add("organizer-money-wrong", "Money of an event, something is wrong", func(f Frame) templ.Component {
		return MoneyPage(signedIn(f), MoneyView{Event: galleryEvent(SaleOpen), Form: EventFormView{
			Money:  MoneyForm{FeesBy: "fan", TaxName: "VAT", TaxPercent: "much"},
			Errors: map[string]string{"tax.percent": "Write the percent as a number, such as 7.5."},
		}})
	})
	b.eventDetails(organizer)
	b.add("organizer-new-map", "New event, with a seat map", form(func(v *EventFormView) {
		v.Name, v.Venue = "Ẹ̀rín Night", "Old Cinema, Ìbàdàn"
		v.Map = galleryMap()
		v.Map.Picture = galleryHall()
		v.Tiers = []TierForm{
			{Name: "Stalls", Price: "25,000", Mapped: true, Places: 552, Seated: true},
			{Name: "Circle", Price: "18,000", Mapped: true, Places: 332, Seated: true},
			{Name: "Boxes", Mapped: true, Places: 24, Seated: true, OpensAt: "2026-11-21T12:00"},
			{Name: "Floor", Price: "9,000", Mapped: true, Places: 300},
		}
	}))
	b.add("organizer-new-map-errors", "New event, the seat map is wrong", form(func(v *EventFormView) {
		v.Map = MapForm{Errors: []MapError{
			{Path: "focal", Words: "Say where everybody looks: {\"x\": 0, \"y\": 0}."},
			{Path: "sections[0].rows[3].seats[17].label", Words: "Two seats of this section have the label D18; the other is sections[0].rows[3].seats[16]."},
			{Path: "sections[2].rows[0]", Words: "Seat AA1 stands where seat Q1 of Stalls is, at sections[0].rows[14]."},
		}}
	}))

	e := galleryEvent(SaleOpen)
	stock := StockView{Event: e, Done: "Blocked: 6 seats of Stalls."}
	stock.Tiers = []StockTier{
		{ID: "t1", Name: "Stalls", Price: 2500000, Seated: true, Capacity: 552, Free: 204, Held: 31, Paying: 8, Sold: 303, Blocked: 6},
		{ID: "t2", Name: "Circle", Price: 1800000, Seated: true, Capacity: 332, Free: 332, OpensAt: galleryNow.Add(40 * time.Hour)},
		{ID: "t3", Name: "Floor", Price: 900000, Capacity: 300, Free: 12, Held: 20, Paying: 4, Sold: 244, Blocked: 20},
		{ID: "t4", Name: "Terrace", Price: 600000, Capacity: 100, Free: 100},
	}
	stock.Sections = []StockSection{{Key: "stalls", Name: "Stalls", Free: 204, Held: 39, Sold: 303, Blocked: 6}, {Key: "circle", Name: "Circle", Free: 332}}
	stock.Presales = []PresaleRow{
		{ID: "p1", Name: "Members", What: "all of Circle", PublicAt: galleryNow.Add(48 * time.Hour), Codes: 400, Unlocked: 118},
		{ID: "p2", Name: "Sponsor day", What: "24 seats", PublicAt: galleryNow.Add(-2 * time.Hour), Codes: 12, Unlocked: 12},
		{ID: "p3", Name: "Crew", What: "6 seats", PublicAt: galleryNow.Add(9 * time.Hour), Codes: 3, EndedAt: galleryNow.Add(-30 * time.Minute)},
	}
	page := func(v StockView) func(Frame) templ.Component {
		return func(f Frame) templ.Component { return StockPage(organizer(f), v) }
	}
	b.add("stock", "Stock", page(stock))
	refused := stock
	refused.Done, refused.Change = "", StockForm{TierID: "t3", Do: "block", Count: "40"}
	refused.Problem = &Problem{Title: "There are not that many", Text: "Only 12 tickets are free now: the others are held or sold, and stay with their fans. Nothing was changed."}
	b.add("stock-refused", "Stock, a change refused", page(refused))
	wrong := stock
	wrong.Done, wrong.Change = "", StockForm{TierID: "t4", Do: "add", Count: "ten", Error: "Write a whole number, 1 or more."}
	b.add("stock-error", "Stock, mistyped", page(wrong))
	draft := StockView{Event: galleryEvent(SaleDraft), Fixed: true, Tiers: []StockTier{{Name: "Stands", Price: 1250000, Capacity: 500, Free: 500}}}
	b.add("stock-draft", "Stock of a draft", page(draft))
	ended := stock
	ended.Done, ended.Fixed, ended.Event = "", true, galleryEvent(SaleEnded)
	b.add("stock-ended", "Stock of a sale that is over", page(ended))

	times := TierTimesView{Event: e, Form: EventFormView{Tiers: []TierForm{{Name: "Stalls"}, {Name: "Circle", OpensAt: "2026-12-14T10:00"}, {Name: "Floor", ClosesAt: "2026-12-13T18:00"}}}}
	b.add("stock-times", "When each kind is sold", func(f Frame) templ.Component { return TierTimesPage(organizer(f), times) })
	early := times
	early.Form.Errors = map[string]string{"tiers.1.opens_at": "The sale must be open then: not before it begins, nor after its end."}
	b.add("stock-times-error", "When each kind is sold, mistyped", func(f Frame) templ.Component { return TierTimesPage(organizer(f), early) })

	section := func(v StockSectionView) func(Frame) templ.Component {
		return func(f Frame) templ.Component { return StockSectionPage(organizer(f), v) }
	}
	v := StockSectionView{Event: e, Section: stock.Sections[0], Rows: galleryRows()}
	v.Section.Elsewhere = 1
	v.Rows[3].Seats[1].State = SeatElsewhere
	b.add("stock-section", "Stock of a section", section(v))
	lost := v
	lost.Rows = galleryRows()
	lost.Rows[1].Seats[4].Picked, lost.Rows[1].Seats[5].Picked = true, true
	lost.Problem = &Problem{Title: "Some of these seats belong to fans now", Text: "Held or sold in the meantime: row B seat 7. Nothing was changed. What you chose is still ticked: take these out and send it again."}
	b.add("stock-section-refused", "Stock of a section, seats were lost", section(lost))

	presale := PresaleFormView{Event: e, Kind: "generate", Generate: "100", UsesPerCode: "1", Options: []PresaleOption{
		{Value: "tier:t1", Words: "All of Stalls"}, {Value: "tier:t2", Words: "All of Circle"}, {Value: "section:stalls", Words: "Section Stalls"},
	}}
	b.add("presale-new", "New presale", func(f Frame) templ.Component { return PresalePage(organizer(f), presale) })
	bad := presale
	bad.Options, bad.Seats, bad.SeatWords, bad.Kind, bad.Codes = nil, []int{4, 5, 6}, "3 seats of Stalls", "own", "RAIN\nHARMATTAN-26"
	bad.Errors = map[string]string{"name": "Give it a name. Fans read it.", "codes": "Code 1: This code is too short: 6 characters at least."}
	b.add("presale-new-errors", "New presale of single seats, with errors", func(f Frame) templ.Component { return PresalePage(organizer(f), bad) })
	b.add("presale-codes", "The codes of a presale", func(f Frame) templ.Component {
		return CodesPage(organizer(f), CodesView{Event: e, Presale: stock.Presales[0], Codes: []string{"KXW4-9TMH-2D", "PR7C-3FVN-8J", "M6YA-4QZE-5H"}, Uses: 1})
	})
	b.moreTickets(organizer)
}

// moreTickets are the forms of a second sale.
func (b *galleryBook) moreTickets(organizer func(Frame) Frame) {
	more := MoreView{Event: galleryEvent(SaleSoldOut), Form: galleryForm(), HasMap: true}
	more.Sections = []MoreSection{
		{Name: "Stalls", Rows: []MoreRow{{Name: "Q", Value: "0.14", Seats: 12, Tiers: "Stalls", Picked: true}, {Name: "R", Value: "0.15", Seats: 8, Tiers: "Stalls"}}},
		{Name: "Circle", Rows: []MoreRow{{Name: "AA", Value: "1.0", Seats: 38, Tiers: "Circle"}}},
	}
	more.Seated = []MoreTier{{Name: "Stalls", Was: 2500000, Field: "price.0", Places: 20}, {Name: "Circle", Was: 1800000, Field: "price.1", Places: 38}}
	b.add("release-new", "A second sale", func(f Frame) templ.Component { return MorePage(organizer(f), more) })
	wrong := more
	wrong.Form.Errors = map[string]string{"opens_at": "Choose a date and a time.", "price.1": "No seat of Circle is ticked above. Tick a row, or leave the price empty."}
	wrong.Seated = []MoreTier{more.Seated[0], {Name: "Circle", Was: 1800000, Field: "price.1", Price: "20000", Places: 38}}
	b.add("release-new-errors", "A second sale, with errors", func(f Frame) templ.Component { return MorePage(organizer(f), wrong) })
	plain := MoreView{Event: galleryEvent(SaleSoldOut), Form: galleryForm()}
	b.add("release-new-plain", "A second sale without seats", func(f Frame) templ.Component { return MorePage(organizer(f), plain) })
}

func galleryMap() MapForm {
	return MapForm{
		Given: true, Venue: "theatre", Name: "theatre", Pairs: true, Seats: 908, Standing: 300,
		Sections: []MapFormSection{
			{Name: "Stalls", Tiers: []string{"Stalls"}, Rows: 16, Places: 552, Accessible: 4, Blocked: 3},
			{Name: "Circle", Tiers: []string{"Circle"}, Rows: 8, Places: 332},
			{Name: "Box Left 1", Tiers: []string{"Boxes"}, Rows: 2, Places: 24},
			{Name: "Floor", Tiers: []string{"Floor"}, Standing: true, Places: 300},
		},
	}
}

func galleryRows() (rows []StockRow) {
	states := []SeatState{SeatFree, SeatFree, SeatSold, SeatSold, SeatFree, SeatFree, SeatHeld, SeatFree, SeatBlocked, SeatBlocked, SeatFree, SeatSold}
	number := 0
	for i, name := range []string{"A", "B", "C", "AA"} {
		r := StockRow{Name: name, Index: i}
		for n := range 18 + 2*i {
			s := StockSeat{Number: number, Label: name + itoa(n+1), State: states[(n+5*i)%len(states)], Aisle: n == 7}
			if i == 0 && n == 0 {
				s.Mark = "wheelchair place"
			}
			r.Seats = append(r.Seats, s)
			number++
		}
		rows = append(rows, r)
	}
	return rows
}
