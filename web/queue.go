package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/fault"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

func (s *Server) waitingRoom(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	id, err := requiredHere(c)
	if err != nil {
		return err
	}
	v, err := s.waiting(c, e, id)
	if err != nil {
		return err
	}
	v.Problem = s.told(c).Problem
	return s.page(c, views.WaitingPage(s.frame(c), v))
}

// waitingLive is the moving part of the waiting room, for polling.
func (s *Server) waitingLive(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	if _, ok := who(c); !ok && fromHTMX(c.Request()) {
		// The page may lie in the background, so it is not led away. But the place
		// that it shows is not for whoever sits here next.
		personal(c)
		return s.render(c, http.StatusUnauthorized, views.WaitingSignedOut(signInURL(eventPath(e, "/queue"))))
	}
	id, err := requiredHere(c)
	if err != nil {
		return err
	}
	v, err := s.waiting(c, e, id)
	if err != nil {
		return err
	}
	now := s.now()
	if has := c.Request().Header[partHeader]; len(has) == 1 && has[0] == v.Part(now) {
		h := c.Response().Header()
		for name := range s.guards.document {
			delete(h, name) // 400 bytes about a document, and there is none.
		}
		// The names as net/http spells them: it need not look.
		says := [...]string{strconv.FormatInt(v.Serving, 10), strconv.FormatInt(v.PollAfter.Milliseconds(), 10), strconv.FormatInt(now.UnixMilli(), 10)}
		h["Fq-Serving"], h["Fq-Poll"], h["Fq-Now"] = says[0:1:1], says[1:2:2], says[2:3:3]
		return c.NoContent(http.StatusNoContent)
	}
	f := s.frame(c)
	f.Now = now
	return s.page(c, views.WaitingLive(f, v))
}

// partHeader is the part that a page has already, as net/http spells its name. The answer to the same one is empty but for
// the numbers from which the page counts on.
const partHeader = "Fq-Part"

// moneyPoll is how soon the page of somebody inside looks again while their money, or what they hold, is undecided. The
// page spreads it.
const moneyPoll = 7 * time.Second

// waiting is the waiting room as the account sees it now. While the database
// cannot be reached it is what was true last, marked as on hold.
func (s *Server) waiting(c echo.Context, e *sale.Snapshot, id account.Identity) (v views.WaitingView, err error) {
	place, err := s.place(c, e, id)
	key := lastKey{e.ID(), id.AccountID}
	switch f := fault.From(err); {
	case err == nil:
		s.last.put(key, place)
	case f.Code == "not_in_queue":
		return s.rooms.at(e), nil
	case f.Kind == fault.Unavailable:
		v = s.rooms.at(e)
		if old, known := s.last.get(key); known && (old.Status == queue.Waiting || old.Status == queue.InLobby) {
			v = waitingView(v, e, old)
		}
		s.cfg.Logger.Warn("the waiting room is on hold", "err", err, "request", requestID(c))
		v.OnHold = true
		v.PollAfter = 5 * time.Second
		return v, nil
	default:
		return v, err
	}
	v = waitingView(s.rooms.at(e), e, place)
	if v.Tickets, err = s.ticketsOf(c, e, place); err != nil {
		return v, err
	}
	if e.Cancelled() {
		// Nothing can be done here any more, but money may be under way.
		v.Bank, err = s.bankOfPlace(c, e, place)
		return v, err
	}
	if place.Status == queue.Inside {
		open, err := s.cfg.Claims.OpenOf(c.Request().Context(), e.ID(), id.AccountID)
		if err != nil {
			return v, err
		}
		if open != nil {
			v.Checkout = checkoutPath(open.ID)
		}
		if v.Bank, err = s.bankOfClaim(c, e, open); err != nil {
			return v, err
		}
		if v.UsedUp, err = s.usedUp(c, e, place); err != nil {
			return v, err
		}
		if v.Bank != nil || open != nil || v.UsedUp != nil && v.UsedUp.Late {
			v.PollAfter = moneyPoll
		}
		s.lastUntil(c, id, e)
	} else if place.Status != queue.Left && place.Status != queue.Done {
		s.lastUntil(c, id, e)
	}
	return v, nil
}

// join puts the fan into the line, or finds the place they have. Somebody who
// is not signed in goes through the sign-in, which then joins for them.
func (s *Server) join(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	id, err := required(c, eventPath(e, "/queue?join=1"))
	if err != nil {
		return err
	}
	return s.joinAs(c, e, id)
}

func (s *Server) joinAs(c echo.Context, e *sale.Snapshot, id account.Identity) error {
	if err := s.cfg.Guard.Join(id.AccountID.String()); err != nil {
		return err
	}
	v, _, err := s.cfg.Queue.Join(c.Request().Context(), e, id.AccountID)
	if err != nil {
		return s.refuse(c, eventPath(e, ""), err, nil)
	}
	s.lastUntil(c, id, e)
	s.setSpot(c, id, spotOf(v))
	return see(c, eventPath(e, "/queue"))
}

// joinAfterSignIn joins the line that somebody was on the way to when they had
// to sign in; done is false where next leads elsewhere.
func (s *Server) joinAfterSignIn(c echo.Context, next string, id account.Identity) (done bool, err error) {
	u, err := url.Parse(next)
	if err != nil || u.RawQuery != "join=1" {
		return false, nil //nolint:nilerr // Such a next is an ordinary page.
	}
	slug, ok := strings.CutPrefix(u.Path, "/events/")
	if !ok {
		return false, nil
	}
	if slug, ok = strings.CutSuffix(slug, "/queue"); !ok || strings.Contains(slug, "/") {
		return false, nil
	}
	e, err := s.cfg.Sales.Get(c.Request().Context(), slug)
	if err != nil || !e.Published() {
		return false, nil //nolint:nilerr // The page itself says what is wrong.
	}
	return true, s.joinAs(c, e, id)
}

func (s *Server) enter(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	id, err := required(c, eventPath(e, "/queue"))
	if err != nil {
		return err
	}
	if _, err := s.cfg.Queue.Enter(c.Request().Context(), e, id.AccountID); err != nil {
		return s.refuse(c, eventPath(e, "/queue"), err, nil)
	}
	return see(c, eventPath(e, "/tickets"))
}

// spotOf is what a browser may remember of a place.
func spotOf(v queue.View) queue.Spot {
	return queue.Spot{ID: v.SpotID, Event: v.EventID, Account: v.Account, Arrival: v.Arrival, JoinedAt: v.JoinedAt, Wish: v.Wish}
}

// wishes stores what a fan asks for while they wait: kinds of tickets, and a mail when the turn comes.
func (s *Server) wishes(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	id, err := required(c, eventPath(e, "/queue"))
	if err != nil {
		return err
	}
	if err := c.Request().ParseForm(); err != nil {
		return err
	}
	form := c.Request().PostForm
	wish := queue.Wish{Mail: form.Get("mail") != "", Tiers: []int{}}
	for _, t := range e.Tiers {
		if slices.Contains(form["tier"], strconv.Itoa(t.Ordinal)) {
			wish.Tiers = append(wish.Tiers, t.Ordinal)
		}
	}
	if len(wish.Tiers) == len(e.Tiers) {
		wish.Tiers = []int{} // All of them is any.
	}
	spot, err := s.cfg.Queue.SetWish(c.Request().Context(), e, id.AccountID, wish)
	if err != nil {
		return s.refuse(c, eventPath(e, "/queue"), err, nil)
	}
	s.setSpot(c, id, spot)
	return see(c, eventPath(e, "/queue#wishes"))
}

// more gives somebody whose turn it is two more minutes to come in, once.
func (s *Server) more(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	id, err := required(c, eventPath(e, "/queue"))
	if err != nil {
		return err
	}
	_, err = s.cfg.Queue.Extend(c.Request().Context(), e, id.AccountID)
	switch {
	case err == nil:
		return see(c, eventPath(e, "/queue"))
	case fault.Code(err) == "cap_reached":
		return s.tell(c, eventPath(e, "/queue"), notice{Problem: &views.Problem{
			Code: "cap_reached", Title: "You already have your 2 more minutes", Text: "Come in before the clock ends. After that you can still ask for your turn for a while.",
		}})
	}
	return s.refuse(c, eventPath(e, "/queue"), err, nil)
}

func (s *Server) leaveAsk(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	id, err := requiredHere(c)
	if err != nil {
		return err
	}
	place, err := s.place(c, e, id)
	if fault.Code(err) == "not_in_queue" || err == nil && (place.Status == queue.Left || e.Cancelled()) {
		return see(c, eventPath(e, "/queue"))
	}
	if err != nil {
		return err
	}
	v := views.LeaveView{Event: eventInfo(e), Status: views.SpotStatus(place.Status), Number: deref(place.Number), Problem: s.told(c).Problem}
	if v.Tickets, err = s.ticketsOf(c, e, place); err != nil {
		return err
	}
	return s.page(c, views.LeavePage(s.frame(c), v))
}

func (s *Server) leave(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	id, err := required(c, eventPath(e, "/queue"))
	if err != nil {
		return err
	}
	err = s.cfg.Queue.Leave(c.Request().Context(), e, id.AccountID)
	switch {
	case err == nil || fault.Code(err) == "not_in_queue":
		return see(c, eventPath(e, "/queue"))
	case fault.Code(err) == "claim_open":
		// Pay or give back first: the page that offers both.
		if to := s.openCheckout(c, e, id, err); to != "" {
			return s.refuse(c, to, err, nil)
		}
	}
	return s.refuse(c, eventPath(e, "/leave"), err, nil)
}

// again ends a visit whose payments are used up, gives back what is held in it, and asks for another turn, in one click.
func (s *Server) again(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	id, err := required(c, eventPath(e, "/queue"))
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	place, err := s.cfg.Queue.Status(ctx, e, id.AccountID)
	if err != nil && fault.Code(err) != "not_in_queue" {
		return err
	}
	if err != nil || place.Status != queue.Inside {
		return see(c, eventPath(e, "/queue")) // A second click: there it says what is true now.
	}
	left, err := s.cfg.Payments.VisitStartsLeft(ctx, place.SpotID)
	if err != nil {
		return err
	}
	if left > 0 {
		return see(c, eventPath(e, "/tickets"))
	}
	open, err := s.cfg.Claims.OpenOf(ctx, e.ID(), id.AccountID)
	if err != nil {
		return err
	}
	if open != nil {
		if err := s.cfg.Payments.Release(ctx, id.AccountID, open.ID); err != nil {
			return s.refuse(c, checkoutPath(open.ID), err, nil)
		}
	}
	if err := s.cfg.Queue.Leave(ctx, e, id.AccountID); err != nil {
		return s.refuse(c, eventPath(e, "/queue"), err, nil)
	}
	return s.joinAs(c, e, id)
}

// openCheckout finds the checkout of the claim that stands in the way.
func (s *Server) openCheckout(c echo.Context, e *sale.Snapshot, id account.Identity, err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		if claimID := textOf(f.Extra["claim_id"]); claimID != "" {
			return "/checkout/" + claimID
		}
	}
	open, err := s.cfg.Claims.OpenOf(c.Request().Context(), e.ID(), id.AccountID)
	if err != nil || open == nil {
		return ""
	}
	return checkoutPath(open.ID)
}

// text is a page of words.
func (s *Server) text(name string) echo.HandlerFunc {
	return func(c echo.Context) error {
		return s.page(c, views.TextPage(s.frame(c), views.TextView{Name: name}))
	}
}
