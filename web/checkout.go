package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
	"fairqueue/views"
)

// checkTimeout bounds how long a page waits for the provider's answer.
const checkTimeout = 4 * time.Second

func checkoutPath(id uuid.UUID) string { return "/checkout/" + id.String() }

// textOf reads an id out of a fault.
func textOf(v any) string {
	switch id := v.(type) {
	case string:
		if _, err := uuid.Parse(id); err == nil {
			return id
		}
	case fmt.Stringer:
		return id.String()
	}
	return ""
}

// claimed returns the claim of the route, its event, and whose it is.
func (s *Server) claimed(c echo.Context, next string) (cl claim.Claim, e *sale.Snapshot, id account.Identity, err error) {
	personal(c)
	if id, err = required(c, next); err != nil {
		return cl, nil, id, err
	}
	claimID, err := uuid.Parse(c.Param("claim"))
	if err != nil {
		return cl, nil, id, errNoClaim.Because(err)
	}
	if cl, err = s.cfg.Claims.Get(c.Request().Context(), id.AccountID, claimID); err != nil {
		if fault.Code(err) == errNoClaim.Code {
			err = errNoClaim.Because(err)
		}
		return cl, nil, id, err
	}
	e, err = s.cfg.Sales.Get(c.Request().Context(), cl.EventID.String())
	return cl, e, id, err
}

var errNoClaim = fault.New(fault.NotFound, "claim_not_found", "There is no order of yours at this address. Sign in with the e-mail you used, or look at your tickets.")

func (s *Server) checkout(c echo.Context) error {
	cl, e, id, err := s.claimed(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	said := payment.SaidNothing
	if cl, err = s.keepWhileDown(c.Request().Context(), cl, id.AccountID); err != nil {
		return err
	}
	if cl.Status == claim.Paying {
		// Looking again is what this page is for while a payment runs.
		if said, err = s.check(c, id.AccountID, cl.ID); err != nil {
			return err
		}
		if cl, err = s.cfg.Claims.Get(c.Request().Context(), id.AccountID, cl.ID); err != nil {
			return err
		}
	}
	v, err := s.checkoutView(c, cl, e, id)
	if err != nil {
		return err
	}
	told := s.told(c)
	if v.Problem = told.Problem; v.Problem != nil && v.Problem.Code == "provider_unavailable" && (v.State == views.CheckoutDown || v.Down) {
		v.Problem = nil // the page says it itself
	}
	if told.Form != nil {
		v.Name, v.NameGuessed, v.NameWrong = told.Form["name"], false, told.Errors["name"]
		for i := range v.Holders {
			v.Holders[i].Name, v.Holders[i].Wrong = told.Form[holderField(i)], told.Errors[fmt.Sprintf("holders[%d]", i)]
		}
	}
	if back := c.QueryParam("back"); v.State == views.CheckoutPaying && (said == payment.Silent && back != "" || back == backUnknown) {
		v.State = views.CheckoutBank
	}
	return s.page(c, views.CheckoutPage(s.frame(c), v))
}

// keepWhileDown gives more time to tickets that cannot be paid for because the provider does not answer: whoever looks
// keeps them, up to the cap of the hold.
func (s *Server) keepWhileDown(ctx context.Context, cl claim.Claim, accountID uuid.UUID) (claim.Claim, error) {
	if cl.Status != claim.Held || !cl.CanExtend || cl.Total == 0 {
		return cl, nil
	}
	if _, down := s.cfg.Payments.ProviderDown(); !down {
		return cl, nil
	}
	longer, err := s.cfg.Claims.Extend(ctx, accountID, cl.ID)
	if err != nil && fault.From(err).Kind == fault.Conflict {
		return cl, nil // It ended, or was extended, a moment ago: the page shows what is.
	}
	return longer, err
}

// opensWithin is how long the provider mostly needs to open its page; who waits longer is told.
const opensWithin = 3 * time.Second

// checkoutView is a claim as its page shows it.
func (s *Server) checkoutView(c echo.Context, cl claim.Claim, e *sale.Snapshot, id account.Identity) (v views.CheckoutView, err error) {
	payments, err := s.cfg.Payments.OfClaim(c.Request().Context(), id.AccountID, cl.ID)
	if err != nil {
		return v, err
	}
	v = views.CheckoutView{
		Event: eventInfo(e), ClaimID: cl.ID.String(), Lines: orderLines(cl), Seats: seatSets(cl), Total: cl.Total,
		Hold: seconds(e.Terms.HoldSeconds), Tickets: "/tickets",
	}
	if a, err := s.cfg.Accounts.Get(c.Request().Context(), id.AccountID); err == nil {
		v.Email, v.Name = a.Email, a.Name
		if _, bad := ticket.PrintedName(v.Name); bad != "" { // none was said, or one that would be refused now
			v.Name = ticket.NameFrom(a.Email)
			v.NameGuessed = v.Name != ""
		}
	}
	v.Holders = holderFields(cl, payments, v.Name)
	left, err := s.cfg.Payments.StartsLeft(c.Request().Context(), cl.ID)
	if err != nil {
		return v, err
	}
	v.State, v.Starts = checkoutState(cl, payments, left), left
	if err := s.orderMoney(c.Request().Context(), cl, e, payments, &v); err != nil {
		return v, err
	}
	if len(payments) > 0 {
		v.Reference, v.Tried = payments[0].Reference, true
	}
	v.Disputed = slices.ContainsFunc(payments, func(p payment.Payment) bool { return p.Status == payment.ChargedBack })
	switch v.State {
	case views.CheckoutHeld, views.CheckoutFailed, views.CheckoutUsedUp:
		v.ExpiresAt, v.CanExtend, v.CapAt = cl.ExpiresAt, cl.CanExtend, cl.CapAt
		if cl.ExpiresAt.Before(cl.CapAt) {
			v.ExtendAt = cl.ExtendAt
		}
		if v.State == views.CheckoutHeld && e.State != sale.Ended {
			v.Change = eventPath(e, "/tickets?claim="+cl.ID.String())
		}
		if v.State != views.CheckoutHeld && len(payments) > 0 {
			v.Said = payments[0].GatewayResponse
		}
		_, v.Down = s.cfg.Payments.ProviderDown()
		if cl.Total > 0 {
			var no payment.NoTransfer
			v.Channels, no = payment.Offer(e, cl.ExpiresAt.Sub(s.now()))
			v.NoTransfer = views.NoTransfer(no)
		}
		return v, nil
	case views.CheckoutPaying, views.CheckoutBank:
		if len(payments) > 0 {
			p := payments[0]
			v.PayURL, v.PayUntil, v.Channels, v.LookedAt = p.AuthorizationURL, p.DeadlineAt, p.Channels, deref(p.CheckedAt)
			v.Unpaid = p.Unpaid && c.QueryParam("back") == backUnpaid
			if p.Stalled || p.Status == payment.Initializing && s.now().Sub(p.CreatedAt) > opensWithin {
				v.State = views.CheckoutDown
			}
		}
		if e.Cancelled() {
			// Nobody is sent to pay for what does not take place; what is on its way comes back.
			v.State, v.PayURL, v.Channels = views.CheckoutBank, "", nil
		}
	case views.CheckoutExpired, views.CheckoutReleased:
		v.Inside = s.inside(c, e, id)
	case views.CheckoutPaid:
		v.Inside, v.Moved = s.inside(c, e, id), cl.Moved
		if tickets, err := s.cfg.Tickets.OfClaim(c.Request().Context(), id.AccountID, cl.ID); err == nil && len(tickets) == 1 {
			v.Tickets = "/tickets/" + tickets[0].ID.String()
		}
	}
	return v, nil
}

// inside reports whether the fan's visit still runs.
func (s *Server) inside(c echo.Context, e *sale.Snapshot, id account.Identity) bool {
	place, err := s.cfg.Queue.Status(c.Request().Context(), e, id.AccountID)
	return err == nil && place.Status == queue.Inside
}

// checkoutState says where the fan and the money are; payments are newest first, and the fan may still be sent to pay left
// times in this visit.
func checkoutState(cl claim.Claim, payments []payment.Payment, left int) views.CheckoutState {
	last := payment.Payment{}
	if len(payments) > 0 {
		last = payments[0]
	}
	has := func(st payment.Status) bool {
		return slices.ContainsFunc(payments, func(p payment.Payment) bool { return p.Status == st })
	}
	switch cl.Status {
	case claim.Paid:
		return views.CheckoutPaid
	case claim.Refunded:
		if has(payment.RefundDue) {
			return views.CheckoutRefundDue
		}
		return views.CheckoutRefunded
	case claim.Paying:
		if last.Waiting || len(payments) == 0 {
			return views.CheckoutBank
		}
		return views.CheckoutPaying
	case claim.Held:
		switch {
		case left == 0:
			return views.CheckoutUsedUp
		case last.Status == payment.Failed:
			return views.CheckoutFailed
		}
		return views.CheckoutHeld
	case claim.Expired, claim.Released:
	}
	switch {
	case has(payment.RefundDue):
		return views.CheckoutRefundDue
	case has(payment.Refunded):
		return views.CheckoutRefunded
	case cl.Status == claim.Released:
		return views.CheckoutReleased
	}
	return views.CheckoutExpired
}

// lookEvery is how often, at most, a page that looks by itself makes us ask the provider. What a webhook brings is seen at
// once, without asking.
const lookEvery = 8 * time.Second

// checkoutLive is the order as it is now, for a page that waits; with was it says what it shows, and where that is another
// page now, it is loaded.
func (s *Server) checkoutLive(c echo.Context) error {
	cl, e, id, err := s.claimed(c, "/checkout/"+c.Param("claim")+"/live")
	if err != nil {
		return err
	}
	payments, err := s.cfg.Payments.OfClaim(c.Request().Context(), id.AccountID, cl.ID)
	if err != nil {
		return err
	}
	if cl.Status == claim.Paying && (len(payments) == 0 || payments[0].CheckedAt == nil || s.now().Sub(*payments[0].CheckedAt) >= lookEvery) {
		// No answer is no news: the page goes on to say what it said.
		if _, err := s.check(c, id.AccountID, cl.ID); err != nil {
			return err
		}
		if cl, err = s.cfg.Claims.Get(c.Request().Context(), id.AccountID, cl.ID); err != nil {
			return err
		}
	}
	v, err := s.checkoutView(c, cl, e, id)
	if err != nil {
		return err
	}
	if c.QueryParam("was") != v.Mark() {
		c.Response().Header().Set("HX-Refresh", "true")
	}
	return s.page(c, views.CheckoutLive(s.frame(c), v))
}

func holderField(i int) string { return "holder_" + strconv.Itoa(i) }

// holderFields ask for the names on the tickets of a claim that are not the buyer's, with what was said at the last try.
func holderFields(cl claim.Claim, payments []payment.Payment, buyer string) []views.HolderField {
	fields := make([]views.HolderField, len(cl.Lines))
	for i, l := range cl.Lines {
		if fields[i].Place = l.Tier; l.Seat != nil {
			fields[i].Place = ticket.Place(l.Tier, l.Seat.Section, l.Seat.Row, l.Seat.Label)
		}
		if len(payments) > 0 && len(payments[0].Holders) == len(cl.Lines) && payments[0].Holders[i] != buyer {
			fields[i].Name = payments[0].Holders[i]
		}
	}
	return fields
}

// orderLines groups the units of a claim by tier and price, in their order.
func orderLines(cl claim.Claim) (lines []views.OrderLine) {
	for _, l := range cl.Lines {
		i := slices.IndexFunc(lines, func(o views.OrderLine) bool { return o.Tier == l.Tier && o.Price == l.Price })
		if i < 0 {
			lines = append(lines, views.OrderLine{Tier: l.Tier, Price: l.Price})
			i = len(lines) - 1
		}
		lines[i].Quantity++
	}
	return lines
}

// check asks the provider what became of a payment. Silent when it did not answer: nothing is wrong with the order, we only
// do not know yet.
func (s *Server) check(c echo.Context, accountID, claimID uuid.UUID) (payment.Said, error) {
	ctx, cancel := context.WithTimeout(c.Request().Context(), checkTimeout)
	defer cancel()
	said, err := s.cfg.Payments.Ask(ctx, accountID, claimID)
	switch f := fault.From(err); {
	case err == nil:
		return said, nil
	case f.Kind == fault.Unavailable || f.Kind == fault.Conflict || ctx.Err() != nil:
		s.cfg.Logger.Warn("the provider did not say what became of a payment", "err", err, "request", requestID(c))
		return payment.Silent, nil
	}
	return said, err
}

// pay starts a payment, or goes on with the one that runs, and leads to the
// provider's page.
func (s *Server) pay(c echo.Context) error {
	cl, _, id, err := s.claimed(c, "/checkout/"+c.Param("claim"))
	if err != nil {
		return err
	}
	holders, typed, wrong, err := s.namesOf(c, cl, id)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return s.tell(c, checkoutPath(cl.ID), notice{Errors: wrong, Form: typed})
	}
	p, _, err := s.cfg.Payments.Start(c.Request().Context(), id.AccountID, cl.ID, holders...)
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Invalid {
		return s.tell(c, checkoutPath(cl.ID), notice{Errors: fieldErrors(f), Form: typed})
	}
	if err != nil {
		return s.refuse(c, checkoutPath(cl.ID), err, typed)
	}
	if p.Status == payment.Pending && p.AuthorizationURL != "" {
		return see(c, p.AuthorizationURL)
	}
	return see(c, checkoutPath(cl.ID))
}

// namesOf reads the names for the tickets of a claim, each as it will be printed: those that were written, else the buyer's
// own. typed is what the form held, wrong what is wrong with it, by field.
func (s *Server) namesOf(c echo.Context, cl claim.Claim, id account.Identity) (holders []string, typed, wrong map[string]string, err error) {
	if cl.Status != claim.Held {
		return nil, nil, nil, nil // they were said when the payment began
	}
	form, err := c.FormParams()
	if err != nil {
		return nil, nil, nil, err
	}
	buyer, err := s.cfg.Accounts.Get(c.Request().Context(), id.AccountID)
	if err != nil {
		return nil, nil, nil, err
	}
	name := ticket.BuyerName(buyer.Name, buyer.Email)
	if form.Has("name") {
		name = form.Get("name")
	}
	typed, wrong = map[string]string{"name": name}, map[string]string{}
	name, bad := ticket.PrintedName(name)
	if bad != "" && form.Has("name") { // what nobody wrote is not refused: the ticket is for the buyer
		wrong["name"] = bad
	}
	for i := range cl.Lines {
		if field := holderField(i); form.Has(field) {
			typed[field] = form.Get(field)
			holders = append(holders, typed[field])
		}
	}
	if len(holders) != len(cl.Lines) {
		holders = make([]string, len(cl.Lines)) // the order was changed in another tab: these names were for other tickets
	}
	said, err := ticket.Holders(holders, len(cl.Lines))
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Invalid {
		maps.Copy(wrong, fieldErrors(f))
	} else if err != nil {
		return nil, nil, nil, err
	}
	if len(wrong) > 0 {
		return nil, typed, wrong, nil
	}
	for i := range holders {
		if holders[i] = name; len(said) > 0 && said[i] != "" {
			holders[i] = said[i]
		}
	}
	if name != "" {
		s.keepName(c, buyer, name)
	}
	return holders, typed, nil, nil
}

// payReturn is where the provider sends the buyer back. What it says in the
// address is not believed: the provider is asked.
func (s *Server) payReturn(c echo.Context) error {
	cl, _, id, err := s.claimed(c, "/checkout/"+c.Param("claim"))
	if err != nil {
		return err
	}
	said, err := s.check(c, id.AccountID, cl.ID)
	if err != nil {
		return err
	}
	to := checkoutPath(cl.ID)
	switch said {
	case payment.Silent:
		to += "?back=" + backUnknown
	case payment.SaidUnpaid:
		to += "?back=" + backUnpaid
	}
	return see(c, to)
}

// How a buyer came back from the provider, in the address of the page: without an answer, or, as the provider says, without
// having paid. The page shows the second only while the provider goes on to say so.
const (
	backUnknown = "1"
	backUnpaid  = "unpaid"
)
