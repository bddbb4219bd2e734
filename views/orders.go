package views

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"fairqueue/internal/money"
	"fairqueue/views/ui"
)

// Trouble is what of the money of an event waits for its organizer.
type Trouble struct {
	Refunds, Disputes int
}

func (t Trouble) any() bool { return t.Refunds+t.Disputes > 0 }

func (t Trouble) title() string {
	var parts []string
	if t.Refunds > 0 {
		parts = append(parts, count(t.Refunds, "refund", "refunds"))
	}
	if t.Disputes > 0 {
		parts = append(parts, count(t.Disputes, "dispute", "disputes"))
	}
	need := " need you"
	if t.Refunds+t.Disputes == 1 {
		need = " needs you"
	}
	return strings.Join(parts, " and ") + need
}

// OrdersView is the list of orders.
type OrdersView struct {
	Event   EventInfo
	Orders  []OrderRow
	Next    string // address of the next page; empty: none
	Later   bool   // not the first page
	Needing bool   // only those that wait for the organizer
	Search  string // only those with these words
	Trouble Trouble
	Cancel  *CancelProgress // nil: the event takes place
	Done    string
	Problem *Problem
}

func (v OrdersView) url(more string) templ.SafeURL {
	return templ.SafeURL("/organizer/events/" + v.Event.ID + "/orders" + more)
}

// first is the first page of the same list.
func (v OrdersView) first() templ.SafeURL {
	switch {
	case v.Needing:
		return v.url("?needs=you")
	case v.Search != "":
		return v.url("?" + url.Values{"q": {v.Search}}.Encode())
	}
	return v.url("")
}

// OrderRow is one order.
type OrderRow struct {
	ID        string
	Reference string
	Email     string
	What      string // "2 × Stands"
	Amount    money.Kobo
	Back      money.Kobo // of it, what has gone back or is on its way
	Status    string     // of the payment, as in the API; empty: of the claim
	Stuck     bool       // a refund waits for the organizer
	Disputed  bool       // a bank asks for the money back
	AnswerBy  time.Time  // until when; zero: nobody said
	At        time.Time
}

func (o OrderRow) state(e EventInfo) (ui.State, string) {
	switch {
	case o.Disputed:
		return ui.Low, disputeOpen
	case o.Stuck:
		return ui.Low, "Refund needs you"
	case o.Status == "succeeded" && o.Back > 0:
		return ui.Open, "Paid, part given back"
	}
	return orderStateOf(e, o.Status, o.Amount)
}

// due is until when a bank wants an answer.
func (o OrderRow) due(zone *time.Location) string {
	if !o.Disputed || o.AnswerBy.IsZero() {
		return ""
	}
	return "Answer by " + dayShort(o.AnswerBy, zone) + ", " + clock(o.AnswerBy, zone)
}

// disputeOpen is a payment that a bank asks back and has not decided about.
const disputeOpen = "Dispute open"

// lostToBank is a payment whose money a bank took back.
const lostToBank = "Lost to the bank"

func orderState(status string) (ui.State, string) {
	switch status {
	case "succeeded", "paid":
		return ui.Open, "Paid"
	case "initializing", "pending", "paying":
		return ui.Soon, "Waiting for the bank"
	case "held":
		return ui.Soon, "Held"
	case "failed":
		return ui.Out, "Failed"
	case "abandoned", "expired", "released":
		return ui.Out, "Not finished"
	case "refund_due":
		return ui.Soon, "Refund on its way"
	case "refunded":
		return ui.Soon, "Refunded"
	case "charged_back":
		return ui.Out, "Charged back"
	}
	return ui.Soon, strings.ReplaceAll(status, "_", " ")
}

// OrderView is one order with everything that happened to its money.
type OrderView struct {
	Event      EventInfo
	ID         string
	Buyer      string // e-mail
	Total      money.Kobo
	Status     string // of the payment that counts, else of the claim
	At         time.Time
	PaidAt     time.Time
	Tickets    []OrderTicketRow
	Payments   []PaymentRow
	Refunds    []RefundRow
	Disputes   []DisputeRow
	Worth      money.Kobo // of the tickets that are good
	Refundable bool       // something can be given back now
	Form       RefundForm
	Banks      []BankOption // where one has to be chosen
	Done       string
	Problem    *Problem
	Errors     map[string]string
	Typed      map[string]string
}

// state is how the order stands. What a bank only asks for is not charged back yet.
func (v OrderView) state() (ui.State, string) {
	for _, d := range v.Disputes {
		if d.Status == "open" {
			return ui.Low, disputeOpen
		}
		if d.Status == disputeLost && (v.Status == "refunded" || v.Status == "charged_back") {
			return ui.Out, lostToBank
		}
	}
	return orderStateOf(v.Event, v.Status, v.Total)
}

// orderStateOf is how an order stands, or a payment of it, that costs so much.
func orderStateOf(e EventInfo, status string, costs money.Kobo) (ui.State, string) {
	if status == "refunded" && costs == 0 {
		return endedFree(e)
	}
	return orderState(status)
}

// OrderTicketRow is a ticket of an order.
type OrderTicketRow struct {
	ID, Tier, Seat, Holder, Status string
	Ends                           string // of its code
	Price, Worth                   money.Kobo
	Good                           bool
	Corrected                      bool // its name was put right once
	// Dispute is why it is void where a bank asked for the money back: open until that is decided, then lost; else empty.
	Dispute string
}

// place is what kind of ticket it is, and its seat.
func (t OrderTicketRow) place() string {
	if t.Seat != "" {
		return t.Tier + ", " + t.Seat
	}
	return t.Tier
}

// place names the place of a ticket so that it cannot be taken for another of the same holder.
func (v OrderView) place(t OrderTicketRow) string { return placeAmong(v.good(), t) }

// placeAmong is the place of one of some tickets, with the end of its code where another one is of the same holder and kind.
func placeAmong(all []OrderTicketRow, t OrderTicketRow) string {
	for _, o := range all {
		if o.ID != t.ID && strings.EqualFold(o.Holder, t.Holder) && o.place() == t.place() {
			return t.place() + ", code ends in " + t.Ends
		}
	}
	return t.place()
}

// PaymentRow is one attempt to pay.
type PaymentRow struct {
	Reference, Status, Channel string
	Disputed                   bool // a bank asks for it back and has not decided
	Lost                       bool // a bank took it back
	Asked, Received, Fees      money.Kobo
	At                         time.Time
}

// way is how it was paid.
func (p PaymentRow) way() string {
	for _, w := range waysToPay {
		if w.Channel == p.Channel {
			return w.Name
		}
	}
	return p.Channel
}

func (p PaymentRow) state(e EventInfo) (ui.State, string) {
	if p.Disputed {
		return ui.Low, disputeOpen
	}
	if p.Lost && (p.Status == "refunded" || p.Status == "charged_back") {
		return ui.Out, lostToBank
	}
	return orderStateOf(e, p.Status, p.Asked)
}

// line is what was asked, what came and how.
func (p PaymentRow) line() string {
	if p.Asked == 0 && p.Received == 0 {
		return "Free. Nothing had to be paid."
	}
	if p.Received == 0 {
		return "Asked for. Nothing came."
	}
	s := p.way()
	if s == "" {
		s = "Received"
	}
	if p.Received != p.Asked {
		s += ", " + p.Asked.String() + " was asked"
	}
	if p.Fees > 0 {
		s += ", fee " + p.Fees.String()
	}
	return s + "."
}

// RefundRow is money that goes back.
type RefundRow struct {
	ID, Reference, Status, Reason, Note, LastError string
	Amount                                         money.Kobo
	Attempts                                       int
	At, ProcessedAt                                time.Time
}

// DisputeRow is a bank that asks for money back.
type DisputeRow struct {
	Reference, Status, Category string
	Amount                      money.Kobo
	DueAt, OpenedAt, ResolvedAt time.Time
	Void                        bool // the tickets are void while it is open
}

// BankOption is a bank by the number that the provider takes.
type BankOption struct{ ID, Name string }

// RefundForm is what shall be given back, as it was typed.
type RefundForm struct {
	What    string // all, tickets, amount
	Tickets map[string]bool
	Amount  string // in naira
	Resell  bool
	Reason  string
}

// RefundAskView asks once more before money goes back.
type RefundAskView struct {
	Event   EventInfo
	OrderID string
	Buyer   string
	Request string
	Form    RefundForm
	// Back is what goes back; Ending are the tickets that end with it, Kept those that stay good.
	Back         money.Kobo
	Ending, Kept []OrderTicketRow
	// Before is what was given back of the order before, BeforeAt when the last of it was.
	Before   money.Kobo
	BeforeAt time.Time
}

// SendAskView asks once more before a refund goes to a bank account.
type SendAskView struct {
	Event                  EventInfo
	OrderID, Buyer, Refund string
	Amount                 money.Kobo
	BankID, Bank, Account  string
}

func (v SendAskView) url(more string) templ.SafeURL {
	return templ.SafeURL("/organizer/events/" + v.Event.ID + "/orders/" + v.OrderID + more)
}

// digits is the number of the account in groups that people can compare.
func (v SendAskView) digits() string {
	if len(v.Account) != 10 {
		return v.Account
	}
	return v.Account[:4] + " " + v.Account[4:7] + " " + v.Account[7:]
}

func (v OrderView) url(more string) templ.SafeURL {
	return templ.SafeURL("/organizer/events/" + v.Event.ID + "/orders/" + v.ID + more)
}

func (v OrderView) good() (good []OrderTicketRow) {
	for _, t := range v.Tickets {
		if t.Good {
			good = append(good, t)
		}
	}
	return good
}

func ticketState(status string) (ui.State, string) {
	switch status {
	case "valid":
		return ui.Open, "Valid"
	case "used":
		return ui.Soon, "Used"
	case "returned":
		return ui.Out, "Given back"
	}
	return ui.Out, "Void"
}

func (r RefundRow) state() (ui.State, string) {
	switch r.Status {
	case "processed":
		return ui.Open, "Sent back"
	case "failed":
		return ui.Out, "Failed"
	case "needs_attention":
		return ui.Low, "Needs you"
	}
	return ui.Soon, "On its way"
}

func (r RefundRow) stuck() bool { return r.Status == "failed" || r.Status == "needs_attention" }

// why is the reason of a refund, for its organizer.
func (r RefundRow) why() string {
	switch r.Reason {
	case "organizer":
		return "You gave it back"
	case "returned":
		return "The fan gave a ticket back"
	case "event_cancelled":
		return "The event is cancelled"
	case "event_over":
		return "Paid after the event had begun"
	case "dispute":
		return "The rest, after a lost dispute"
	case "provider":
		return "Made at Paystack, not here"
	case "bank":
		return "The bank took it back by a dispute"
	case "overpaid":
		return "Paid too much"
	case "underpaid":
		return "Paid too little"
	case "wrong_currency":
		return "Paid in another currency"
	case "wrong_amount":
		return "Another amount than was asked"
	case "second_payment":
		return "Paid twice"
	case "sold_to_others":
		return "Paid late, and the tickets had gone to others"
	case "above_limit":
		return "Paid late, above the limit of tickets"
	case "changed_since":
		return "Paid for tickets that were exchanged"
	}
	return strings.ReplaceAll(r.Reason, "_", " ")
}

func (d DisputeRow) title() string {
	switch d.Status {
	case "won":
		return "Dispute won: " + d.Amount.String()
	case "lost":
		return "Dispute lost: " + d.Amount.String()
	}
	return "The buyer's bank asks for " + d.Amount.String() + " back"
}

// what is what an open dispute means for the tickets.
func (d DisputeRow) what() string {
	if d.Void {
		return "Until it is decided, the tickets let nobody in and their places stay sold."
	}
	return "Until it is decided, the tickets stay good, as you have set."
}

func (f RefundForm) is(what string) bool { return f.What == what || f.What == "" && what == "all" }

func (v RefundAskView) url(more string) templ.SafeURL {
	return templ.SafeURL("/organizer/events/" + v.Event.ID + "/orders/" + v.OrderID + more)
}

// place names the place of a ticket so that it cannot be taken for another one that was good before.
func (v RefundAskView) place(t OrderTicketRow) string {
	return placeAmong(slices.Concat(v.Ending, v.Kept), t)
}

// effect is what happens to the tickets.
func (v RefundAskView) effect() string {
	if v.Form.What == "amount" {
		return "The tickets stay good."
	}
	s := count(len(v.Ending), "ticket is void at once and opens", "tickets are void at once and open") + " no door."
	if len(v.Kept) > 0 {
		s += " " + count(len(v.Kept), "ticket stays", "tickets stay") + " good."
	}
	switch one := len(v.Ending) == 1; {
	case v.Form.Resell && one:
		return s + " The place goes back into the sale."
	case v.Form.Resell:
		return s + " The places go back into the sale."
	case one:
		return s + " The place stays off the sale."
	}
	return s + " The places stay off the sale."
}

// overWord is why nothing is sold any more.
func (e EventInfo) overWord() string {
	if e.Cancelled {
		return "The event is cancelled"
	}
	return "The sale is over"
}
