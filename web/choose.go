package web

import (
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
	"fairqueue/internal/payment"
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
	usedUp  *views.UsedUpInfo
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
	if ch.usedUp, err = s.usedUp(c, e, ch.place); err != nil {
		return err
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
	v.Channels, _ = payment.Promise(e)
	v.UsedUp = ch.usedUp
	if v.Presale, err = s.presaleInfo(c, e, ch.id, ch.told); err != nil {
		return err
	}
	v.Quantity, _ = strconv.Atoi(ch.told.Form["quantity"])
	if v.TierID == "" && len(c.QueryParam("tier")) <= 64 {
		v.TierID = c.QueryParam("tier")
	}
	v.Checkout, v.ClaimID, v.Held = ch.holds()
	if v.Bank, err = s.bankOfClaim(c, e, ch.open); err != nil {
		return err
	}
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
	if e.Cancelled() {
		return ch, eventPath(e, "/queue"), nil // nothing is to be chosen: there it says why, and what becomes of money
	}
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
	own, err := s.cfg.Claims.Own(ctx, e.ID(), ch.id.AccountID)
	if err != nil {
		return nil, "", err
	}
	if ch.changes {
		own -= len(ch.open.Lines)
	}
	ch.canTake = max(e.Terms.MaxTicketsPerFan-own, 0)
	return ch, "", nil
}

// presaleTold is what a page says of codes where a presale runs, without looking anything up.
func presaleTold(e *sale.Snapshot, told notice) views.PresaleInfo {
	return views.PresaleInfo{Runs: e.Presale, Code: told.Form["code"], Wrong: told.Errors["code"], Done: told.Done}
}

// presaleInfo is presaleTold with what the fan's codes have opened.
func (s *Server) presaleInfo(c echo.Context, e *sale.Snapshot, id account.Identity, told notice) (p views.PresaleInfo, err error) {
	if p = presaleTold(e, told); !p.Runs {
		return p, nil
	}
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
	bank, err := s.bankOfClaim(c, e, ch.open)
	if err != nil {
		return err
	}
	v.Bank, v.UsedUp = bank, ch.usedUp
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
			of, known := hall.Number(id)
			if !known {
				continue
			}
			n = of
		}
		if n >= 0 && n < len(hall.IDs) && !slices.Contains(out, n) && len(out) < seatsSent {
			out = append(out, n)
		}
	}
	return out
}

// seatsSent bounds the seats of one form: more than anybody may take is refused, with the seats kept.
const seatsSent = 100
