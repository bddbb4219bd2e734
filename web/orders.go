package web

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
	"fairqueue/views"
)

// ordersShown is how many orders a page lists.
const ordersShown = 100

// trouble is what of the money of an event waits for its organizer.
func (s *Server) trouble(ctx context.Context, e *sale.Snapshot) (views.Trouble, error) {
	if e.State == sale.Draft {
		return views.Trouble{}, nil
	}
	t, err := s.cfg.Payments.Trouble(ctx, e.ID())
	return views.Trouble{Refunds: t.Refunds, Disputes: t.Disputes}, err
}

func (s *Server) orders(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	told := s.told(c)
	v := views.OrdersView{Event: eventInfo(e), Later: c.QueryParam("cursor") != "", Needing: c.QueryParam("needs") != "", Done: told.Done, Problem: told.Problem}
	filter := payment.OrderFilter{Needing: v.Needing}
	if !v.Needing {
		v.Search = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(c.QueryParam("q"), ""), "\x00", ""))
		filter.Search = v.Search
		if filter.Found, err = s.cfg.Tickets.Found(ctx, e.ID(), v.Search); err != nil {
			return err
		}
	}
	orders, next, err := s.cfg.Payments.FindOrders(ctx, e.ID(), filter, ordersShown, c.QueryParam("cursor"))
	if err != nil {
		return err
	}
	for _, o := range orders {
		row := views.OrderRow{
			ID: o.ID.String(), Reference: o.Reference, Email: o.Buyer, What: o.Tiers, Amount: o.Total, Back: o.Back,
			Status: string(o.Payment), Stuck: o.Stuck, Disputed: o.Disputed, AnswerBy: deref(o.AnswerBy), At: o.CreatedAt,
		}
		if row.Status == "" {
			row.Status = string(o.Status)
		}
		v.Orders = append(v.Orders, row)
	}
	if next != "" {
		q := url.Values{"cursor": {next}}
		if v.Needing {
			q.Set("needs", "you")
		}
		if v.Search != "" {
			q.Set("q", v.Search)
		}
		v.Next = consolePath(e, "/orders?"+q.Encode())
	}
	if v.Trouble, err = s.trouble(ctx, e); err != nil {
		return err
	}
	if v.Cancel, err = s.cancellation(ctx, e); err != nil {
		return err
	}
	return s.page(c, views.OrdersPage(s.frame(c), v))
}

var errNoOrder = fault.New(fault.NotFound, "order_not_found", "There is no such order of this event. Look at the list of orders.")

// ordered returns the order of the route, of an event of whoever is signed in.
func (s *Server) ordered(c echo.Context, next string) (o payment.OrderDetail, e *sale.Snapshot, by uuid.UUID, err error) {
	e, id, err := s.own(c, next)
	if err != nil {
		return o, e, id.AccountID, err
	}
	order, err := uuid.Parse(c.Param("order"))
	if err != nil {
		return o, e, id.AccountID, errNoOrder.Because(err)
	}
	o, err = s.cfg.Payments.Order(c.Request().Context(), e.ID(), order)
	return o, e, id.AccountID, err
}

func orderPath(e *sale.Snapshot, o payment.OrderDetail) string {
	return consolePath(e, "/orders/"+o.ID.String())
}

func (s *Server) order(c echo.Context) error {
	o, e, _, err := s.ordered(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	v := s.orderView(e, o)
	told := s.told(c)
	v.Done, v.Problem, v.Errors, v.Typed = told.Done, told.Problem, told.Errors, told.Form
	v.Form = views.RefundForm{What: told.Form["what"], Amount: told.Form["amount"], Reason: told.Form["reason"], Tickets: map[string]bool{}}
	v.Form.Resell = told.Form == nil || told.Form["what"] == "" || told.Form["resell"] != ""
	for id := range strings.SplitSeq(told.Form["ticket"], " ") {
		v.Form.Tickets[id] = id != ""
	}
	for _, r := range v.Refunds {
		if r.Status == "needs_attention" && v.Banks == nil {
			banks, err := s.cfg.Payments.Banks(c.Request().Context())
			if err != nil {
				s.cfg.Logger.WarnContext(c.Request().Context(), "the list of banks is not known", "err", err)
			}
			for _, b := range banks {
				v.Banks = append(v.Banks, views.BankOption{ID: b.ID, Name: b.Name})
			}
		}
	}
	return s.page(c, views.OrderPage(s.frame(c), v))
}

func (s *Server) orderView(e *sale.Snapshot, o payment.OrderDetail) views.OrderView {
	v := views.OrderView{
		Event: eventInfo(e), ID: o.ID.String(), Buyer: o.Buyer, Total: o.Total, Status: string(o.Status),
		At: o.CreatedAt, PaidAt: deref(o.PaidAt), Worth: o.Worth(), Refundable: o.Standing() != nil && !o.Disputed(),
	}
	v.Tickets = s.ticketRows(e, o.Tickets)
	disputed := func(p payment.OrderPayment, st payment.DisputeOutcome) bool {
		return slices.ContainsFunc(o.Disputes, func(d payment.DisputeDetail) bool { return d.Status == st && d.Reference == p.Reference })
	}
	for _, p := range o.Payments {
		v.Payments = append(v.Payments, views.PaymentRow{
			Reference: p.Reference, Status: string(p.Status), Channel: p.Channel, Asked: p.Amount, Received: p.Received, Fees: p.Fees, At: p.CreatedAt,
			Disputed: disputed(p, payment.DisputeOpen), Lost: disputed(p, payment.DisputeLost),
		})
		if p.SettledAt != nil || len(o.Payments) == 1 {
			v.Status = string(p.Status)
		}
	}
	if p := o.Standing(); p != nil {
		v.Status = string(p.Status)
	}
	for _, r := range o.Refunds {
		v.Refunds = append(v.Refunds, views.RefundRow{
			ID: r.ID.String(), Reference: r.Reference, Status: r.Status, Reason: r.Reason, Note: r.Note, LastError: r.LastError,
			Amount: r.Amount, Attempts: r.Attempts, At: r.CreatedAt, ProcessedAt: deref(r.ProcessedAt),
		})
	}
	for _, d := range o.Disputes {
		v.Disputes = append(v.Disputes, views.DisputeRow{
			Reference: d.Reference, Status: string(d.Status), Category: d.Category, Amount: d.Amount,
			DueAt: deref(d.DueAt), OpenedAt: d.OpenedAt, ResolvedAt: deref(d.ResolvedAt), Void: v.Status == string(payment.ChargedBack),
		})
	}
	return v
}

// ticketRows are tickets of an order as their organizer sees them.
func (s *Server) ticketRows(e *sale.Snapshot, tickets []payment.OrderTicket) (rows []views.OrderTicketRow) {
	for _, t := range tickets {
		row := views.OrderTicketRow{
			ID: t.ID.String(), Tier: t.Tier, Holder: t.Holder, Ends: s.cfg.Tickets.Ends(t.ID, e.ID()), Status: string(t.Status), Price: t.Price,
			Worth: t.Price - t.Reduced, Good: t.Good(), Corrected: t.Corrected, Dispute: string(t.Dispute),
		}
		if t.Seat != nil {
			row.Seat = ticket.Place(t.Tier, t.Seat.Section, t.Seat.Row, t.Seat.Label)
		}
		rows = append(rows, row)
	}
	return rows
}

// readRefund reads the form about money to give back; errs says what could not be read, by field.
func readRefund(q url.Values, o payment.OrderDetail, by uuid.UUID) (f views.RefundForm, a payment.Ask, errs map[string]string) {
	errs = map[string]string{}
	f = views.RefundForm{What: q.Get("what"), Amount: strings.TrimSpace(q.Get("amount")), Resell: q.Get("resell") != "", Reason: q.Get("reason"), Tickets: map[string]bool{}}
	a = payment.Ask{Order: o.ID, By: by, KeepOff: !f.Resell, Reason: f.Reason, Request: q.Get("request")}
	ticked := []uuid.UUID{}
	for _, t := range q["ticket"] {
		if id, err := uuid.Parse(t); err == nil {
			ticked, f.Tickets[id.String()] = append(ticked, id), true
		}
	}
	switch f.What {
	case "tickets":
		if a.Tickets = ticked; len(a.Tickets) == 0 {
			errs["ticket_ids"] = "Choose at least one ticket."
		}
	case "amount":
		kobo, err := parseNaira(f.Amount)
		if err != nil || kobo <= 0 {
			errs["amount"] = "Write the amount in naira, such as 2500."
		} else if kobo > o.Worth() {
			errs["amount"] = "At most " + o.Worth().String() + " can be given back while the tickets stay good."
		}
		a.Amount = &kobo
	default:
		// Who marks one ticket or writes a sum does not mean everything.
		if f.What = "all"; len(ticked) > 0 {
			errs["ticket_ids"] = "You marked tickets, and above stands everything. Choose “Some tickets” above, or take the marks away."
		}
		if f.Amount != "" {
			errs["amount"] = "You wrote an amount, and above stands everything. Choose “Part of the price” above, or leave it empty."
		}
	}
	if len([]rune(f.Reason)) > 500 {
		errs["reason"] = "Write at most 500 characters."
	}
	return f, a, errs
}

// typedRefund is a form about money to give back as the page of the order shows it again.
func typedRefund(f views.RefundForm) map[string]string {
	m := map[string]string{"what": f.What, "amount": f.Amount, "reason": f.Reason}
	if f.Resell {
		m["resell"] = "yes"
	}
	var ids []string
	for id := range f.Tickets {
		ids = append(ids, id)
	}
	m["ticket"] = strings.Join(ids, " ")
	return m
}

// refundAsk shows what giving back would do, and asks once more.
func (s *Server) refundAsk(c echo.Context) error {
	o, e, by, err := s.ordered(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	q, err := c.FormParams()
	if err != nil {
		return err
	}
	f, a, errs := readRefund(q, o, by)
	if len(errs) > 0 {
		return s.tell(c, orderPath(e, o), notice{Errors: errs, Form: typedRefund(f)})
	}
	if o.Standing() == nil || o.Disputed() {
		return see(c, orderPath(e, o))
	}
	v := views.RefundAskView{Event: eventInfo(e), OrderID: o.ID.String(), Buyer: o.Buyer, Request: uuid.NewString(), Form: f}
	back, ending, kept := effect(o, a)
	if a.Tickets != nil && len(ending) == 0 {
		return s.refuse(c, orderPath(e, o), errNoneGood, nil)
	}
	v.Back, v.Ending, v.Kept = back, s.ticketRows(e, ending), s.ticketRows(e, kept)
	for _, r := range o.Refunds {
		v.Before += r.Amount
		if r.CreatedAt.After(v.BeforeAt) {
			v.BeforeAt = r.CreatedAt
		}
	}
	return s.page(c, views.RefundAskPage(s.frame(c), v))
}

var errNoneGood = fault.New(fault.Conflict, "not_refundable", "These tickets are not good any more, so there is nothing to give back for them.")

// effect is what goes back with what is asked for, which tickets end with it, and which stay good.
func effect(o payment.OrderDetail, a payment.Ask) (back money.Kobo, ending, kept []payment.OrderTicket) {
	for _, t := range o.Tickets {
		if !t.Good() {
			continue
		}
		if a.Amount == nil && (a.Tickets == nil || slices.Contains(a.Tickets, t.ID)) {
			ending, back = append(ending, t), back+t.Price-t.Reduced
		} else {
			kept = append(kept, t)
		}
	}
	switch {
	case a.Amount != nil:
		back = *a.Amount
	case len(kept) == 0:
		back = o.Left()
	}
	return back, ending, kept
}

func (s *Server) refund(c echo.Context) error {
	o, e, by, err := s.ordered(c, consoleOf(c))
	if err != nil {
		return err
	}
	page := orderPath(e, o)
	q, err := c.FormParams()
	if err != nil {
		return err
	}
	f, a, errs := readRefund(q, o, by)
	if len(errs) > 0 {
		return s.tell(c, page, notice{Errors: errs, Form: typedRefund(f)})
	}
	r, err := s.cfg.Payments.Refund(c.Request().Context(), a)
	if err != nil {
		return s.refuseFields(c, page, err, typedRefund(f))
	}
	done := "The tickets are void. They were free, so no money goes back."
	if r.ID != uuid.Nil {
		done = r.Amount.String() + " is on its way back. The buyer has an e-mail about it."
	}
	return s.tell(c, page, notice{Done: done})
}

// stuck finds the refund of the route and tells what was done about it.
func (s *Server) stuck(c echo.Context, done string, act func(ctx context.Context, event, refund uuid.UUID) error) error {
	o, e, _, err := s.ordered(c, consoleOf(c))
	if err != nil {
		return err
	}
	id, err := uuid.Parse(c.Param("refund"))
	if err != nil {
		return errNoOrder.Because(err)
	}
	if err := act(c.Request().Context(), e.ID(), id); err != nil {
		return s.refuseFields(c, orderPath(e, o), err, map[string]string{"bank": c.FormValue("bank")})
	}
	return s.tell(c, orderPath(e, o), notice{Done: done})
}

func (s *Server) retryRefund(c echo.Context) error {
	return s.stuck(c, "Paystack took the refund. It is on its way.", s.cfg.Payments.RetryRefund)
}

// sendRefund passes a bank account on to the provider, once the organizer has seen it again. It is written nowhere: it
// travels in the form, and in no address.
func (s *Server) sendRefund(c echo.Context) error {
	to := payment.BankAccount{BankID: strings.TrimSpace(c.FormValue("bank")), Number: strings.ReplaceAll(c.FormValue("account_number"), " ", "")}
	if c.FormValue("sure") == "" {
		return s.askSend(c, to)
	}
	return s.stuck(c, "Paystack has the account. The refund is on its way.", func(ctx context.Context, event, refund uuid.UUID) error {
		return s.cfg.Payments.SendRefund(ctx, event, refund, to)
	})
}

// askSend shows the account that a refund would go to, and asks once more.
func (s *Server) askSend(c echo.Context, to payment.BankAccount) error {
	o, e, _, err := s.ordered(c, consoleOf(c))
	if err != nil {
		return err
	}
	id, err := uuid.Parse(c.Param("refund"))
	if err != nil {
		return errNoOrder.Because(err)
	}
	ctx := c.Request().Context()
	r, err := s.cfg.Payments.CheckSend(ctx, e.ID(), id, to)
	if err != nil {
		return s.refuseFields(c, orderPath(e, o), err, map[string]string{"bank": to.BankID})
	}
	banks, err := s.cfg.Payments.Banks(ctx)
	if err != nil {
		return s.refuse(c, orderPath(e, o), err, nil)
	}
	at := slices.IndexFunc(banks, func(b payment.Bank) bool { return b.ID == to.BankID })
	if at < 0 {
		return s.tell(c, orderPath(e, o), notice{Errors: map[string]string{"bank": "Choose the bank of the buyer."}})
	}
	return s.page(c, views.SendAskPage(s.frame(c), views.SendAskView{
		Event: eventInfo(e), OrderID: o.ID.String(), Buyer: o.Buyer, Refund: id.String(), Amount: r.Amount,
		BankID: to.BankID, Bank: banks[at].Name, Account: to.Number,
	}))
}

// correctName puts a typing error in the name on a ticket of an order right.
func (s *Server) correctName(c echo.Context) error {
	o, e, by, err := s.ordered(c, consoleOf(c))
	if err != nil {
		return err
	}
	id, err := uuid.Parse(c.Param("ticket"))
	if err != nil || !slices.ContainsFunc(o.Tickets, func(t payment.OrderTicket) bool { return t.ID == id }) {
		return errNoOrder
	}
	name := c.FormValue("name")
	t, err := s.cfg.Tickets.CorrectName(c.Request().Context(), e.ID(), id, by, name)
	if err != nil {
		return s.refuseFields(c, orderPath(e, o), err, map[string]string{"name": name, "of": id.String()})
	}
	return s.tell(c, orderPath(e, o), notice{Done: "The ticket is for " + t.HolderName + " now. Its code is the same as before."})
}
