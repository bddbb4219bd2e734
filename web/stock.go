package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/catalog"
	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
	"fairqueue/internal/stats"
	"fairqueue/views"
)

// stock is what an event has to sell, with what its organizer can change about it; with ?section= one section, seat by
// seat.
func (s *Server) stock(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	told := s.told(c)
	if key := c.QueryParam("section"); key != "" {
		v, err := s.stockSection(c.Request().Context(), e, key, nil, nil)
		if err != nil {
			return err
		}
		v.Done, v.Problem = told.Done, told.Problem
		return s.page(c, views.StockSectionPage(s.frame(c), v))
	}
	v, err := s.stockView(c.Request().Context(), e)
	if err != nil {
		return err
	}
	v.Done, v.Problem = told.Done, told.Problem
	v.Change = views.StockForm{TierID: told.Form["tier_id"], Do: told.Form["do"], Count: told.Form["count"], Error: told.Errors["count"]}
	s.knowBadge(c)
	return s.page(c, views.StockPage(s.frame(c), v))
}

// fixed reports whether the stock cannot be changed: there is none before publishing, and after the end it is history.
func fixed(e *sale.Snapshot) bool { return e.State == sale.Draft || e.State == sale.Ended }

func (s *Server) stockView(ctx context.Context, e *sale.Snapshot) (v views.StockView, err error) {
	v = views.StockView{Event: eventInfo(e), Fixed: fixed(e)}
	figures, err := stats.Tiers(ctx, s.cfg.DB, e.ID())
	if err != nil {
		return v, err
	}
	for i, t := range e.Tiers {
		row := views.StockTier{ID: t.ID.String(), Name: t.Name, Price: t.Price, Seated: t.Seated, OpensAt: deref(t.OpensAt), ClosesAt: deref(t.ClosesAt)}
		if e.State == sale.Draft { // Its units are made when it is published.
			row.Capacity, row.Free = t.Capacity, t.Available+t.Later
			row.Blocked = row.Capacity - row.Free
		} else if i < len(figures) && figures[i].ID == t.ID {
			f := figures[i]
			row.Capacity, row.Free, row.Held, row.Paying, row.Sold, row.Blocked = f.Capacity, f.Free, f.Held, f.Paying, f.Sold, f.Blocked
		}
		v.Tiers = append(v.Tiers, row)
	}
	seats, err := s.stockSeats(ctx, e)
	if err != nil {
		return v, err
	}
	eachSection(seats, func(section *seatmap.Section, first int) {
		if section.Kind == seatmap.Seated {
			v.Sections = append(v.Sections, sectionStock(section, seats, first))
		}
	})
	if e.State == sale.Draft {
		return v, nil
	}
	presales, err := s.cfg.Claims.Presales(ctx, e.ID())
	if err != nil {
		return v, err
	}
	for _, p := range presales {
		v.Presales = append(v.Presales, presaleRow(e, p))
	}
	return v, nil
}

// stockSeats are the seats of an event for its organizer; nil for an event without a seat map.
type stockSeats struct {
	*claim.Seats
	// elsewhere are those that another sale of the show sells.
	elsewhere map[int]bool
}

func (s *Server) stockSeats(ctx context.Context, e *sale.Snapshot) (*stockSeats, error) {
	seats, err := s.cfg.Claims.StockSeats(ctx, e)
	if err != nil || seats == nil {
		return nil, err
	}
	given, err := catalog.GivenAway(ctx, s.cfg.DB, e.ID())
	if err != nil {
		return nil, err
	}
	out := &stockSeats{Seats: seats, elsewhere: map[int]bool{}}
	for _, n := range given {
		out.elsewhere[n] = true
	}
	for n := range seats.IDs {
		if seats.Elsewhere(n) {
			out.elsewhere[n] = true
		}
	}
	return out, nil
}

// state is where a seat is for an organizer.
func (s *stockSeats) state(n int) views.SeatState {
	if s.elsewhere[n] {
		return views.SeatElsewhere
	}
	return views.SeatState(s.States[n].String())
}

// eachSection calls f for each section of a hall with the number of its first seat.
func eachSection(seats *stockSeats, f func(section *seatmap.Section, first int)) {
	if seats == nil {
		return
	}
	first := 0
	for i := range seats.Map.Sections {
		section := &seats.Map.Sections[i]
		f(section, first)
		for _, r := range section.Rows {
			first += len(r.Seats)
		}
	}
}

func sectionStock(section *seatmap.Section, seats *stockSeats, first int) views.StockSection {
	v := views.StockSection{Key: section.ID, Name: section.Name}
	n := first
	for _, r := range section.Rows {
		for range r.Seats {
			switch seats.state(n) {
			case views.SeatFree:
				v.Free++
			case views.SeatHeld:
				v.Held++
			case views.SeatBlocked:
				v.Blocked++
			case views.SeatSold:
				v.Sold++
			case views.SeatElsewhere:
				v.Elsewhere++
			}
			n++
		}
	}
	return v
}

var errNoStockSection = fault.New(fault.NotFound, "section_not_found", "This event has no such section.")

// section finds a section with numbered seats and the number of its first seat.
func (s *Server) section(ctx context.Context, e *sale.Snapshot, key string) (seats *stockSeats, section *seatmap.Section, first int, err error) {
	if seats, err = s.stockSeats(ctx, e); err != nil {
		return nil, nil, 0, err
	}
	eachSection(seats, func(found *seatmap.Section, at int) {
		if found.ID == key && found.Kind == seatmap.Seated {
			section, first = found, at
		}
	})
	if section == nil {
		return nil, nil, 0, errNoStockSection
	}
	return seats, section, first, nil
}

// stockSection is one section with what is ticked in it.
func (s *Server) stockSection(ctx context.Context, e *sale.Snapshot, key string, numbers, rows []int) (v views.StockSectionView, err error) {
	seats, section, first, err := s.section(ctx, e, key)
	if err != nil {
		return v, err
	}
	v = views.StockSectionView{Event: eventInfo(e), Section: sectionStock(section, seats, first), Fixed: fixed(e)}
	n := first
	for i, r := range section.Rows {
		row := views.StockRow{Name: r.Name, Index: i, Picked: slices.Contains(rows, i)}
		for _, seat := range r.Seats {
			x := views.StockSeat{Number: n, Label: seat.Label, State: seats.state(n), Aisle: seat.Aisle, Picked: slices.Contains(numbers, n)}
			switch {
			case seat.Accessible:
				x.Mark = "wheelchair place"
			case seat.CompanionOf != "":
				x.Mark = "companion of " + seat.CompanionOf
			case seat.Restricted:
				x.Mark = "restricted view"
			}
			row.Seats = append(row.Seats, x)
			n++
		}
		v.Rows = append(v.Rows, row)
	}
	return v, nil
}

// changeStock adds tickets of a tier without numbered seats, blocks some, or puts blocked ones back.
func (s *Server) changeStock(c echo.Context) error {
	e, id, err := s.own(c, stockOf(c))
	if err != nil {
		return err
	}
	page := consolePath(e, "/stock")
	typed := map[string]string{"tier_id": c.FormValue("tier_id"), "do": c.FormValue("do"), "count": c.FormValue("count")}
	tier, known := tierOf(e, typed["tier_id"])
	if !known || tier.Seated {
		return fault.New(fault.NotFound, "tier_not_found", "This event has no such tickets to count. Numbered seats are changed in their section.")
	}
	n, err := strconv.Atoi(strings.ReplaceAll(strings.TrimSpace(typed["count"]), ",", ""))
	if err != nil || n < 1 {
		return s.tell(c, page, notice{Form: typed, Errors: map[string]string{"count": "Write a whole number, 1 or more."}})
	}
	ctx, words := c.Request().Context(), numbered(n, "ticket", "tickets")+" of "+tier.Name
	which := claim.Which{TierID: tier.ID, Count: n}
	var done string
	switch typed["do"] {
	case "add":
		err, done = s.cfg.Claims.Restock(ctx, e, id.AccountID, tier.ID, n), "Added: "+words+". The line moves on as far as they go."
	case "block":
		err, done = s.cfg.Claims.Block(ctx, e, id.AccountID, which), "Blocked: "+words+". Nobody can buy them until you put them back."
	case "unblock":
		err, done = s.cfg.Claims.Unblock(ctx, e, id.AccountID, which), "Back in the sale: "+words+"."
	default:
		return s.tell(c, page, notice{Form: typed, Problem: &views.Problem{Title: "Nothing was changed", Text: "Choose what to do: add new tickets, block free ones, or put blocked ones back."}})
	}
	if err != nil {
		f := fault.From(err)
		if f.Kind == fault.Invalid && len(f.Fields) > 0 {
			return s.tell(c, page, notice{Form: typed, Errors: map[string]string{"count": f.Fields[0].Message}})
		}
		if f.Kind == fault.Internal || f.Kind == fault.Unavailable {
			return err
		}
		return s.tell(c, page, notice{Form: typed, Problem: stockProblem(f, typed["do"])})
	}
	return s.tell(c, page, notice{Done: done})
}

// stockOf is the stock page of the event in the route, as the way back of a form.
func stockOf(c echo.Context) string { return consoleOf(c) + "/stock" }

func tierOf(e *sale.Snapshot, id string) (sale.Tier, bool) {
	tier, err := uuid.Parse(id)
	if err != nil {
		return sale.Tier{}, false
	}
	return e.Tier(tier)
}

func numbered(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// stockProblem says to an organizer why the stock did not change.
func stockProblem(f *fault.Error, do string) *views.Problem {
	p := &views.Problem{Code: f.Code, Title: "Nothing was changed", Text: f.Message}
	switch f.Code {
	case "not_enough_left":
		left := number(f.Extra["left"])
		p.Title = "There are not that many"
		p.Text = "Only " + numbered(left, "ticket is", "tickets are") + " free now: the others are held or sold, and stay with their fans. Nothing was changed."
		if do == "unblock" {
			p.Text = "Only " + numbered(left, "ticket is", "tickets are") + " blocked now. Nothing was changed."
		}
	case "seats_taken":
		p.Title = "Some of these seats belong to fans now"
		if names := lostSeats(f); names != "" {
			p.Text = "Held or sold in the meantime: " + names + ". Nothing was changed. What you chose is still ticked: take these out and send it again."
		}
	case "presale_overlaps":
		p.Title = "Another presale keeps some of this"
		if names := lostSeats(f); names != "" {
			p.Text = "It keeps " + names + ". End it first, or leave these out."
		}
	case "code_taken":
		p.Title = "Some of these codes are in use"
	}
	return p
}

// lostSeats names the seats of a refusal, the first few of many.
func lostSeats(f *fault.Error) string {
	seats, _ := f.Extra["seats"].([]claim.NamedSeat)
	var names []string
	for i, n := range seats {
		if i == 8 && len(seats) > 9 {
			names = append(names, "and "+strconv.Itoa(len(seats)-i)+" more")
			break
		}
		names = append(names, "row "+n.Row+" seat "+n.Label)
	}
	return strings.Join(names, ", ")
}

// changeSeats blocks the seats that were chosen in a section, puts them back, or leads to a presale that keeps them.
func (s *Server) changeSeats(c echo.Context) error {
	e, id, err := s.own(c, stockOf(c))
	if err != nil {
		return err
	}
	ctx, key := c.Request().Context(), c.FormValue("section")
	seats, section, first, err := s.section(ctx, e, key)
	if err != nil {
		return err
	}
	form := c.Request().PostForm
	numbers, rows := ints(form["n"]), ints(form["row"])
	do := form.Get("do")
	picked, skipped := pickSeats(seats, section, first, numbers, rows, do)
	page := consolePath(e, "/stock") + "?section=" + section.ID
	refuse := func(status int, p *views.Problem) error {
		v, err := s.stockSection(ctx, e, key, numbers, rows)
		if err != nil {
			return err
		}
		v.Problem = p
		return s.render(c, status, views.StockSectionPage(s.frame(c), v))
	}
	if len(picked) == 0 {
		words := "Tick the seats first, or whole rows by the box before them. Held and sold seats cannot be chosen."
		if do == "unblock" && len(numbers)+len(rows) > 0 {
			words = "None of the seats you ticked is blocked."
		}
		return refuse(http.StatusUnprocessableEntity, &views.Problem{Title: "No seat is chosen", Text: words})
	}
	which := claim.Which{Seats: make([]uuid.UUID, len(picked))}
	for i, n := range picked {
		which.Seats[i] = seats.IDs[n]
	}
	done := numbered(len(picked), "seat", "seats") + " of " + section.Name
	switch do {
	case "presale":
		v := s.newPresaleView(e, seats)
		v.Seats, v.SeatWords, v.What = picked, done, "seats"
		return s.page(c, views.PresalePage(s.frame(c), v))
	case "block":
		err, done = s.cfg.Claims.Block(ctx, e, id.AccountID, which), "Blocked: "+done+"."
	case "unblock":
		err, done = s.cfg.Claims.Unblock(ctx, e, id.AccountID, which), "Back in the sale: "+done+"."
	default:
		return refuse(http.StatusUnprocessableEntity, &views.Problem{Title: "Nothing was changed", Text: "Choose what to do with these seats."})
	}
	if err != nil {
		f := fault.From(err)
		if f.Kind == fault.Internal || f.Kind == fault.Unavailable {
			return err
		}
		return refuse(fault.Status(err), stockProblem(f, do))
	}
	if skipped > 0 {
		done += " " + numbered(skipped, "seat of these rows is", "seats of these rows are") + " held or sold and stay with their fans."
	}
	if err := s.put(c, "at:"+consolePath(e, "/stock"), notice{Done: done}); err != nil {
		return err
	}
	return see(c, page)
}

// pickSeats are the numbers of the seats that a form means: each that is ticked, and of whole rows those that can be
// moved; skipped are those that cannot, because fans have them.
func pickSeats(seats *stockSeats, section *seatmap.Section, first int, numbers, rows []int, do string) (picked []int, skipped int) {
	from := views.SeatFree
	if do == "unblock" {
		from = views.SeatBlocked
	}
	n := first
	for i, r := range section.Rows {
		whole := slices.Contains(rows, i)
		for range r.Seats {
			state := seats.state(n)
			ticked := slices.Contains(numbers, n)
			switch {
			case state == views.SeatElsewhere:
			case ticked && do == "unblock" && state != views.SeatBlocked, ticked && do == "block" && state == views.SeatBlocked:
				// It is already as it shall be.
			case ticked || whole && state == from:
				picked = append(picked, n)
			case whole && (state == views.SeatHeld || state == views.SeatSold):
				skipped++
			}
			n++
		}
	}
	if do == "unblock" {
		skipped = 0
	}
	return picked, skipped
}

// ints are the numbers among values of a form.
func ints(values []string) (out []int) {
	for _, v := range values {
		if n, err := strconv.Atoi(v); err == nil && n >= 0 {
			out = append(out, n)
		}
	}
	return out
}
