package web

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/catalog"
	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

var errNoChoice = fault.New(fault.Invalid, "invalid_request", "Choose a kind of ticket and how many, or seats, then send it again.")

// chooser is a fan who is inside, and what they hold.
type chooser struct {
	event *sale.Snapshot
	id    account.Identity
	place queue.View
	// open is the fan's claim; changes says that it is being changed.
	open    *claim.Claim
	changes bool
	canTake int
	told    notice
}

// until is when the fan's time ends, and how long it was.
func (ch *chooser) until() time.Time {
	if ch.changes {
		return ch.open.ExpiresAt
	}
	return ch.place.Admission.ExpiresAt
}

// choose is the choice of tickets, or with ?section= that of one section's seats; with ?claim= others in place of those
// that are held.
func (s *Server) choose(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	ch, to, err := s.chooser(c, e)
	if err != nil {
		return err
	}
	if to != "" {
		if ch.told.Problem != nil {
			return s.tell(c, to, notice{Problem: ch.told.Problem})
		}
		return see(c, to)
	}
	sold, err := s.cfg.Claims.TiersFor(c.Request().Context(), e, ch.id.AccountID)
	if err != nil {
		return err
	}
	tiers := tiersOf(e, sold)
	hall, err := s.seatsOf(c, ch, tiers)
	if err != nil {
		return err
	}
	if id := c.QueryParam("section"); id != "" && hall != nil {
		if i := hall.index(id); i >= 0 {
			return s.chooseSeats(c, ch, hall, i)
		}
		return errNoSection
	}
	v := views.ChooseView{
		Event: eventInfo(e), Until: ch.until(), Visit: seconds(e.Terms.VisitSeconds), Hold: seconds(e.Terms.HoldSeconds),
		CanTake: ch.canTake, Problem: ch.told.Problem, TierID: ch.told.Form["tier_id"], Tiers: tiers,
	}
	if v.Presale, err = s.presaleInfo(c, e, ch.id, ch.told); err != nil {
		return err
	}
	v.Quantity, _ = strconv.Atoi(ch.told.Form["quantity"])
	if v.TierID == "" && len(c.QueryParam("tier")) <= 64 {
		v.TierID = c.QueryParam("tier")
	}
	v.Checkout, v.ClaimID, v.Held = ch.holds()
	if ch.changes && v.Quantity == 0 {
		v.Quantity = len(ch.open.Lines)
		if v.TierID == "" {
			v.TierID = ch.open.Lines[0].TierID.String()
		}
	}
	if hall != nil {
		v.Map = hall.overview()
		if c.QueryParam("zoom") == "2" {
			v.Map.Zoom = 2
		}
		if v.Apart = apartOffer(ch.told, v); v.Apart != nil {
			v.Problem = nil
		}
	}
	return s.page(c, views.ChoosePage(s.frame(c), v))
}

// holds says what the fan holds: the way to it, or that it is being changed.
func (ch *chooser) holds() (checkout, changed string, n int) {
	switch {
	case ch.open == nil:
		return "", "", 0
	case ch.changes:
		return "", ch.open.ID.String(), len(ch.open.Lines)
	}
	return checkoutPath(ch.open.ID), "", 0
}

// chooser finds out whether the fan may choose; else to is where they hear why not.
func (s *Server) chooser(c echo.Context, e *sale.Snapshot) (ch *chooser, to string, err error) {
	ch = &chooser{event: e}
	if ch.id, err = requiredHere(c); err != nil {
		return nil, "", err
	}
	ctx := c.Request().Context()
	ch.place, err = s.cfg.Queue.Status(ctx, e, ch.id.AccountID)
	if fault.Code(err) == "not_in_queue" {
		return ch, eventPath(e, "/queue"), nil
	}
	if err != nil {
		return nil, "", err
	}
	ch.told = s.told(c)
	if ch.place.Status != queue.Inside || ch.place.Admission == nil {
		// The waiting room says what is true for this fan and what to do.
		return ch, eventPath(e, "/queue"), nil
	}
	if ch.open, err = s.cfg.Claims.OpenOf(ctx, e.ID(), ch.id.AccountID); err != nil {
		return nil, "", err
	}
	if asked, err := uuid.Parse(c.QueryParam("claim")); err == nil {
		if ch.open == nil || ch.open.ID != asked || ch.open.Status != claim.Held {
			return ch, checkoutPath(asked), nil // what became of it stands there
		}
		ch.changes = true
	}
	mine, err := s.liveTickets(c, e.ID(), ch.id.AccountID)
	if err != nil {
		return nil, "", err
	}
	ch.canTake = e.Terms.MaxTicketsPerFan - len(mine)
	if ch.open != nil && !ch.changes {
		ch.canTake -= len(ch.open.Lines)
	}
	ch.canTake = max(ch.canTake, 0)
	return ch, "", nil
}

// presaleInfo is what a page says of codes: nothing where no presale runs.
func (s *Server) presaleInfo(c echo.Context, e *sale.Snapshot, id account.Identity, told notice) (p views.PresaleInfo, err error) {
	if !e.Presale {
		return p, nil
	}
	p = views.PresaleInfo{Runs: true, Code: told.Form["code"], Wrong: told.Errors["code"]}
	opened, err := s.cfg.Claims.UnlockedBy(c.Request().Context(), e.ID(), id.AccountID)
	for _, o := range opened {
		p.Opened = append(p.Opened, o.Name)
	}
	return p, err
}

// seatsOf is the hall as the fan sees it; nil for an event without a seat map.
func (s *Server) seatsOf(c echo.Context, ch *chooser, tiers []views.TierInfo) (*seatsOf, error) {
	ctx := c.Request().Context()
	seats, err := s.cfg.Claims.SeatsFor(ctx, ch.event, ch.id.AccountID)
	if err != nil || seats == nil {
		return nil, err
	}
	v := &seatsOf{Seats: seats, drawn: s.halls.of(ch.event.ID(), seats.Hall), event: ch.event, tiers: tiers, own: map[int]bool{}}
	if ch.event.Presale {
		if v.everybody, err = s.cfg.Claims.Seats(ctx, ch.event); err != nil {
			return nil, err
		}
	}
	if ch.changes {
		for _, l := range ch.open.Lines {
			if n, ok := seats.Number(l.UnitID); ok {
				v.own[n] = true
			}
		}
	}
	return v, nil
}

// chooseSeats is the choice of one section's seats.
func (s *Server) chooseSeats(c echo.Context, ch *chooser, hall *seatsOf, i int) error {
	e := ch.event
	v := views.SectionView{
		Event: eventInfo(e), Until: ch.until(), Visit: seconds(e.Terms.VisitSeconds), Hold: seconds(e.Terms.HoldSeconds),
		CanTake: ch.canTake, Problem: ch.told.Problem, Zoom: 2,
	}
	v.Checkout, v.ClaimID, v.Held = ch.holds()
	chosen := hall.numbers(strings.Fields(ch.told.Form["seat_ids"]))
	if ch.told.Form == nil {
		chosen = hall.numbers(c.QueryParams()["seat_ids"])
		if len(chosen) == 0 && ch.changes {
			for n := range hall.own {
				chosen = append(chosen, n)
			}
		}
	}
	slices.Sort(chosen)
	if v.Refusal = hall.refusal(i, ch.told, chosen); v.Refusal != nil {
		v.Problem = nil
	}
	hall.section(i, chosen, &v)
	if zoom, err := strconv.Atoi(c.QueryParam("zoom")); err == nil {
		v.Zoom = min(max(zoom, 2), 6)
	}
	v.RunSize = len(chosen)
	if n, err := strconv.Atoi(c.QueryParam("n")); err == nil {
		v.RunSize = n
	}
	if v.RunSize < 1 {
		v.RunSize = 2
	}
	v.RunSize = min(v.RunSize, ch.canTake)
	if v.RunSize > 0 {
		v.Runs = hall.runs(i, v.RunSize)
	}
	return s.page(c, views.SeatsPage(s.frame(c), v))
}

// numbers reads what the forms send of seats: their numbers in the hall, or their ids. Others are left out.
func (s seatsOf) numbers(sent []string) (out []int) { return numbersOf(s.Hall, sent) }

func numbersOf(hall *catalog.Hall, sent []string) (out []int) {
	for _, text := range sent {
		n, err := strconv.Atoi(text)
		if err != nil {
			id, err := uuid.Parse(text)
			if err != nil {
				continue
			}
			known := false
			if n, known = hall.Number(id); !known {
				continue
			}
		}
		if n >= 0 && n < len(hall.IDs) && !slices.Contains(out, n) && len(out) < seatsSent {
			out = append(out, n)
		}
	}
	return out
}

// seatsSent bounds the seats of one form: more than anybody may take is refused, with the seats kept.
const seatsSent = 100

// refusal makes of what was told what can be done about it.
func (s seatsOf) refusal(i int, told notice, chosen []int) *views.SeatRefusal {
	if told.Seats == nil {
		return nil
	}
	names := func(numbers []int) (out []views.SeatName) {
		for _, n := range s.inHall(numbers) {
			out = append(out, s.name(n))
		}
		return out
	}
	r := &views.SeatRefusal{Lost: names(told.Seats.Lost)}
	offer := func(seats []int, label string) {
		o := views.SeatOffer{Label: label}
		for _, n := range seats {
			o.Seats = append(o.Seats, strconv.Itoa(n))
			o.Price += s.tiers[s.Seat(n).Tier].Price
		}
		o.Label += ", " + o.Price.String()
		r.Offers = append(r.Offers, o)
	}
	if alone := s.inHall(told.Seats.Alone); len(alone) == 1 {
		name := s.name(alone[0])
		r.Alone = &name
		if moved := s.beside(i, chosen, alone[0]); moved != nil {
			offer(moved, "Move to "+views.SeatWords(names(moved)))
		}
		if all := append(slices.Clone(chosen), alone[0]); s.fine(i, all) && len(all) <= s.event.Terms.MaxTicketsPerFan {
			slices.Sort(all)
			offer(all, "Take "+views.SeatWords(names(alone))+" as well")
		}
		return r
	}
	if len(r.Lost) == 0 {
		return nil
	}
	for _, n := range chosen {
		if s.state(n) == 'f' {
			r.Kept++
		}
	}
	if seats := s.inHall(told.Seats.Instead); len(seats) > 0 && !slices.ContainsFunc(seats, func(n int) bool { return s.state(n) != 'f' }) {
		offer(seats, "Take "+views.SeatWords(names(seats))+" instead")
	}
	return r
}

// inHall leaves out what is no seat.
func (s seatsOf) inHall(numbers []int) (out []int) {
	for _, n := range numbers {
		if n >= 0 && n < len(s.IDs) {
			out = append(out, n)
		}
	}
	return out
}

// fine reports whether seats of a section are free and leave nobody's seat alone.
func (s seatsOf) fine(i int, seats []int) bool {
	first := s.drawn.first[i]
	var within []int
	for _, n := range seats {
		if s.drawn.holds(n) != i || s.state(n) != 'f' {
			return false
		}
		within = append(within, n-first)
	}
	return s.drawn.section(i).plan.Orphan(func(n int) bool { return s.state(first+n) == 'f' }, within) < 0
}

// beside moves neighbours by one so that the seat is taken which would be left alone; nil where that does not help.
func (s seatsOf) beside(i int, chosen []int, alone int) []int {
	if len(chosen) == 0 {
		return nil
	}
	moved := slices.Clone(chosen)
	slices.Sort(moved)
	if moved[len(moved)-1]-moved[0] != len(moved)-1 {
		return nil
	}
	switch alone {
	case moved[0] - 1:
		moved = append([]int{alone}, moved[:len(moved)-1]...)
	case moved[len(moved)-1] + 1:
		moved = append(moved[1:], alone)
	default:
		return nil
	}
	if !s.fine(i, moved) {
		return nil
	}
	return moved
}

// apartOffer is what a party can do that fits nowhere together.
func apartOffer(told notice, v views.ChooseView) *views.ApartOffer {
	if told.Problem == nil || told.Problem.Code != "not_enough_left" || told.Form["split"] != "" {
		return nil
	}
	i := slices.IndexFunc(v.Tiers, func(t views.TierInfo) bool { return t.ID == told.Form["tier_id"] && t.Seated })
	quantity, _ := strconv.Atoi(told.Form["quantity"])
	if i < 0 || quantity < 2 || quantity > v.CanTake || v.Tiers[i].Available < quantity {
		return nil
	}
	a := &views.ApartOffer{TierID: v.Tiers[i].ID, Tier: v.Tiers[i].Name, Quantity: quantity, Most: min(told.Problem.Left, quantity-1)}
	for _, t := range v.Tiers {
		if told.Seats != nil && slices.Contains(told.Seats.Tiers, t.ID) && t.Available >= quantity {
			a.Others = append(a.Others, t)
		}
	}
	return a
}

// seatNotice is what a refusal says of seats, by their numbers in the hall, and of kinds of tickets.
type seatNotice struct {
	Lost    []int    `json:"lost,omitempty"`
	Alone   []int    `json:"alone,omitempty"`
	Instead []int    `json:"instead,omitempty"`
	Tiers   []string `json:"tiers,omitempty"`
}

// seatsTold reads the seats out of a refusal; nil where it names none.
func seatsTold(hall *catalog.Hall, err error) *seatNotice {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return nil
	}
	var n seatNotice
	numbers := func(v any) (out []int) {
		named, _ := v.([]claim.NamedSeat)
		if one, ok := v.(claim.NamedSeat); ok {
			named = []claim.NamedSeat{one}
		}
		for _, seat := range named {
			if hall == nil {
				break
			}
			if number, ok := hall.Number(seat.ID); ok {
				out = append(out, number)
			}
		}
		return out
	}
	n.Lost, n.Alone, n.Instead = numbers(f.Extra["seats"]), numbers(f.Extra["seat"]), numbers(f.Extra["alternatives"])
	if ids, ok := f.Extra["other_tiers"].([]uuid.UUID); ok {
		for _, id := range ids {
			n.Tiers = append(n.Tiers, id.String())
		}
	}
	if n.Lost == nil && n.Alone == nil && n.Instead == nil && n.Tiers == nil {
		return nil
	}
	return &n
}

// choice is what a form of the choosing pages asks for.
type choice struct {
	claim.Request
	hall *catalog.Hall
	// form is what the page shows again after a refusal.
	form map[string]string
	// back is that page with its query.
	back  string
	where string
}

// choice reads the form; err says what is missing, and back is known all the same.
func (s *Server) choice(c echo.Context, e *sale.Snapshot, changed string) (ch choice, err error) {
	if err := c.Request().ParseForm(); err != nil {
		return ch, err
	}
	form := c.Request().PostForm
	ch.where = eventPath(e, "/tickets")
	ch.back = views.TicketsURL(e.Event.Slug, changed, "")
	sent := form["seat_ids"]
	if in := form.Get("seats"); in != "" {
		sent = append(sent, strings.Fields(in)...)
	}
	section := form.Get("section")
	if len(sent) == 0 && section == "" {
		ch.form = map[string]string{"tier_id": form.Get("tier_id"), "quantity": form.Get("quantity"), "split": form.Get("split")}
		if len(ch.form["tier_id"]) > 64 || len(ch.form["quantity"]) > 16 || len(ch.form["split"]) > 8 {
			ch.form = nil
		}
		tier, terr := uuid.Parse(ch.form["tier_id"])
		quantity, qerr := strconv.Atoi(ch.form["quantity"])
		if err := errors.Join(terr, qerr); err != nil {
			return ch, errNoChoice.Because(err)
		}
		ch.Request = claim.Request{TierID: tier, Quantity: quantity, Best: true, Split: ch.form["split"] != ""}
		return ch, nil
	}
	if ch.hall, err = s.hallOf(c.Request().Context(), e); err != nil {
		return ch, err
	}
	if ch.hall == nil {
		return ch, errNoChoice
	}
	numbers := numbersOf(ch.hall, sent)
	ch.form = map[string]string{"seat_ids": ""}
	for _, n := range numbers {
		ch.form["seat_ids"] += strconv.Itoa(n) + " "
		ch.Seats = append(ch.Seats, ch.hall.IDs[n])
	}
	if section == "" && len(numbers) > 0 {
		section = s.sectionOf(ch.hall, numbers[0])
	}
	if len(section) <= 64 {
		ch.back = views.TicketsURL(e.Event.Slug, changed, section)
	}
	if len(numbers) == 0 {
		return ch, fault.New(fault.Invalid, "invalid_request", "Tick at least one seat, then send it again.")
	}
	return ch, nil
}

// hallOf is the hall of an event, from memory if it was drawn before.
func (s *Server) hallOf(ctx context.Context, e *sale.Snapshot) (*catalog.Hall, error) {
	if hall := s.halls.hall(e.ID()); hall != nil {
		return hall, nil
	}
	seats, err := s.cfg.Claims.Seats(ctx, e)
	if err != nil || seats == nil {
		return nil, err
	}
	s.halls.of(e.ID(), seats.Hall)
	return seats.Hall, nil
}

func (s *Server) sectionOf(hall *catalog.Hall, number int) string {
	name := ""
	n := 0
	for _, section := range hall.Map.Sections {
		for _, r := range section.Rows {
			n += len(r.Seats)
		}
		if name = section.ID; number < n {
			break
		}
	}
	return name
}

// refuseChoice leads back to the page of the choice, which shows it again and says what stands in the way.
func (s *Server) refuseChoice(c echo.Context, ch choice, err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	switch f.Kind {
	case fault.Conflict, fault.Forbidden, fault.Invalid, fault.NotFound:
	default:
		return err
	}
	n := notice{Problem: problem(f), Form: ch.form, Seats: seatsTold(ch.hall, f)}
	if n.Form == nil {
		n.Form = map[string]string{}
	}
	if f.Code == "not_enough_left" && ch.Best && !ch.Split {
		n.Problem.Left = number(f.Extra["left"])
	}
	if f.Code == "invalid_request" {
		n.Problem.Text = f.Message
	}
	if err := s.put(c, "at:"+ch.where, n); err != nil {
		return errors.Join(f, err)
	}
	return see(c, ch.back)
}

// claim takes tickets out of the stock for this fan.
func (s *Server) claim(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	id, err := required(c, eventPath(e, "/tickets"))
	if err != nil {
		return err
	}
	ch, err := s.choice(c, e, "")
	if err != nil {
		return s.refuseChoice(c, ch, err)
	}
	held, err := s.cfg.Claims.Hold(c.Request().Context(), e, id.AccountID, ch.Request)
	switch fault.Code(err) {
	case "":
		return see(c, checkoutPath(held.ID))
	case "claim_open":
		// A second click, or another tab: the tickets that are held already.
		if to := s.openCheckout(c, e, id, err); to != "" {
			return see(c, to)
		}
	case "not_admitted", "admission_expired", "sale_not_open":
		return s.refuse(c, eventPath(e, "/queue"), err, nil)
	}
	return s.refuseChoice(c, ch, err)
}

// change puts other tickets in place of those that are held, in one step.
func (s *Server) change(c echo.Context) error {
	cl, e, id, err := s.claimed(c, "/checkout/"+c.Param("claim"))
	if err != nil {
		return err
	}
	ch, err := s.choice(c, e, cl.ID.String())
	if err != nil {
		return s.refuseChoice(c, ch, err)
	}
	_, err = s.cfg.Claims.Change(c.Request().Context(), e, id.AccountID, cl.ID, ch.Request)
	switch fault.Code(err) {
	case "":
		return see(c, checkoutPath(cl.ID))
	case "claim_expired", "payment_pending", "claim_not_found":
		return s.refuse(c, checkoutPath(cl.ID), err, nil)
	case "not_admitted", "admission_expired", "sale_not_open":
		return s.refuse(c, checkoutPath(cl.ID), err, nil)
	}
	return s.refuseChoice(c, ch, err)
}

// presale gives a code, and comes back to the page it was given on.
func (s *Server) presale(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	where, back := eventPath(e, "/tickets"), views.TicketsURL(e.Event.Slug, claimIn(c.FormValue("claim")), "")
	switch c.FormValue("from") {
	case "event":
		where, back = eventPath(e, ""), eventPath(e, "")
	case "queue":
		where, back = eventPath(e, "/queue"), eventPath(e, "/queue")
	}
	back += "#presale"
	id, err := required(c, where)
	if err != nil {
		return err
	}
	code := c.FormValue("code")
	if err = s.cfg.Guard.Presale(c.Request().Context(), id.AccountID.String(), c.RealIP()); err == nil {
		_, err = s.cfg.Claims.Unlock(c.Request().Context(), e, id.AccountID, code)
	}
	switch f := fault.From(err); {
	case err == nil:
		return see(c, back)
	case f.Code == "invalid_code" || f.Code == "code_used":
		if len(code) > 64 {
			code = ""
		}
		if err := s.put(c, "at:"+where, notice{Form: map[string]string{"code": code}, Errors: map[string]string{"code": views.CodeWords(f.Code)}}); err != nil {
			return err
		}
		return see(c, back)
	}
	return err
}

// claimIn is the id of a claim in a form, or nothing.
func claimIn(text string) string {
	if id, err := uuid.Parse(text); err == nil {
		return id.String()
	}
	return ""
}
