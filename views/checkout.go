package views

import (
	"slices"
	"time"

	"fairqueue/internal/money"

	"github.com/a-h/templ"
)

// CheckoutState says where the fan and the money are.
type CheckoutState string

// The states of a checkout.
const (
	CheckoutHeld      CheckoutState = "held"       // pay, or give back
	CheckoutFailed    CheckoutState = "failed"     // held again after a payment that failed: try again
	CheckoutPaying    CheckoutState = "paying"     // a payment was started: go on at Paystack
	CheckoutDown      CheckoutState = "down"       // a payment was started, and the provider does not answer
	CheckoutBank      CheckoutState = "bank"       // came back from Paystack: waiting for the bank
	CheckoutUsedUp    CheckoutState = "used_up"    // both attempts failed
	CheckoutExpired   CheckoutState = "expired"    // the hold ran out
	CheckoutReleased  CheckoutState = "released"   // given back
	CheckoutRefundDue CheckoutState = "refund_due" // paid too late: the money goes back
	CheckoutRefunded  CheckoutState = "refunded"
	CheckoutPaid      CheckoutState = "paid"
)

// OrderLine is so many tickets of one kind.
type OrderLine struct {
	Tier     string
	Quantity int
	Price    money.Kobo // of one
}

// HolderField asks for the name on one ticket.
type HolderField struct {
	Place string // "Stands, row A, seat 3", or the tier
	Name  string // as it was said or typed; empty: the buyer's
	Wrong string
}

// SeatSet are seats of one row, as printed.
type SeatSet struct{ Section, Row, Seats string }

// CheckoutView is one claim on its way to a ticket.
type CheckoutView struct {
	Event       EventInfo
	ClaimID     string
	State       CheckoutState
	Lines       []OrderLine
	Seats       []SeatSet // where there are any
	Total       money.Kobo
	ExpiresAt   time.Time     // the hold ends; zero while paying
	Hold        time.Duration // how long a hold is
	CanExtend   bool          // asking for more time works now
	ExtendAt    time.Time     // when it begins to work; zero: it does not (the cap)
	CapAt       time.Time     // no hold lasts longer
	Over        bool          // the hold has run out under a page that is still open
	Change      string        // held: where other tickets can be chosen in place of these; empty: nowhere
	Name        string        // held: the buyer's, as it is known or was typed; empty: not known
	NameWrong   string        // what is wrong with it
	NameGuessed bool          // nobody has said it: it is read out of the address
	Holders     []HolderField // held: one for each ticket
	PayURL      string        // paying, bank: Paystack's page
	PayUntil    time.Time     // paying, bank, down: until when that page takes money
	LookedAt    time.Time     // paying, bank, down: when Paystack was asked last
	Channels    []string      // ways to pay that are offered, or were for the payment that runs
	NoTransfer  NoTransfer    // why a bank transfer is not among them
	Fees        FeesView
	Starts      int        // how often the fan may still be sent to pay in this visit, with these or other tickets
	Tried       bool       // a payment was begun
	Unpaid      bool       // paying: the fan came back from Paystack, which says that nothing was paid
	Down        bool       // held: the provider does not answer
	Said        string     // failed: the bank's reason
	Back        []BackView // money that goes back, oldest first
	Disputed    bool       // paid, refunded: a bank asks for the money back, or has taken it
	Moved       bool       // paid: by equal tickets in place of those first held
	Receipt     bool       // there is a receipt
	Reference   string     // of the payment, to quote
	Tickets     string     // paid: /tickets or /tickets/{id}
	Email       string     // where the tickets go
	Inside      bool       // expired, released, paid: the visit still runs, so choosing again works
	Problem     *Problem
}

func moneyTimes(n int) money.Kobo { return money.Kobo(n) }

func (v CheckoutView) url(more string) templ.SafeURL {
	return templ.SafeURL("/checkout/" + v.ClaimID + more)
}

// refresh is how soon the page looks again by itself, in seconds; 0: it does not.
func (v CheckoutView) refresh() int {
	switch v.State {
	case CheckoutPaying, CheckoutBank, CheckoutDown: // the news may come any moment, from elsewhere
		return 5
	}
	if v.Down {
		return 20 // asking keeps the tickets
	}
	return 4 * v.live()
}

// liveURL is where a page that waits looks again.
func (v CheckoutView) liveURL() string {
	more := "/live?was=" + v.Mark()
	if v.Unpaid {
		more += "&back=unpaid"
	}
	return string(v.url(more))
}

// holding is whether a clock runs.
func (v CheckoutView) holding() bool {
	if v.off() {
		return false
	}
	switch v.State {
	case CheckoutHeld, CheckoutFailed: // CheckoutUsedUp has nothing to be done in time
		return !v.ExpiresAt.IsZero()
	}
	return false
}

// turnOver is whether the fan is inside and could choose, but not pay.
func (v CheckoutView) turnOver() bool { return v.Inside && v.Starts == 0 && v.Tried }

// yours is whether the tickets are the fan's at this moment.
func (v CheckoutView) yours() bool {
	if v.Over || v.Disputed || v.off() {
		return false
	}
	switch v.State {
	case CheckoutExpired, CheckoutReleased, CheckoutRefundDue, CheckoutRefunded:
		return false
	}
	return true
}

func (v CheckoutView) quantity() (n int) {
	for _, l := range v.Lines {
		n += l.Quantity
	}
	return n
}

// thing is what is bought, in one word.
func (v CheckoutView) thing() (one, many string) {
	if len(v.Seats) > 0 {
		return "seat", "seats"
	}
	return "ticket", "tickets"
}

// them is "your seats", or "your ticket" where it is one.
func (v CheckoutView) them() string {
	one, many := v.thing()
	if v.quantity() == 1 {
		return "your " + one
	}
	return "your " + many
}

// things is "the seats", or "the ticket" where it is one.
func (v CheckoutView) things() string { return "the" + v.them()[len("your"):] }

func (v CheckoutView) timer() timerView {
	n := v.quantity()
	one, many := v.thing()
	before, warn := "Your "+count(n, one+" is", many+" are")+" kept until", "Your "+count(n, one+" goes", many+" go")+" back soon."
	if n == 1 {
		before, warn = "Your "+one+" is kept until", "Your "+one+" goes back soon."
	}
	return timerView{Until: v.ExpiresAt, Of: v.Hold, Zone: v.Event.Zone, Before: before, Warn: warn, Label: "Time left to pay", Then: "hold"}
}

// capped is whether more time cannot be had at all.
func (v CheckoutView) capped() bool { return !v.CapAt.IsZero() && !v.ExpiresAt.Before(v.CapAt) }

// needLonger says when more time can be asked for, and up to when.
func (v CheckoutView) needLonger() string {
	s := "Need longer? From " + clockS(v.ExtendAt, v.Event.Zone) + " you can ask for more time"
	if !v.CapAt.IsZero() {
		s += ", up to " + clock(v.CapAt, v.Event.Zone)
	}
	return s + "."
}

func (v CheckoutView) capLine() string {
	return clock(v.ExpiresAt, v.Event.Zone) + " is the longest we can keep " + v.things() + " for you, because others wait. Pay before then, or give " + them(v.quantity()) + " back."
}

func them(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// warning is what a screen reader says once when the time gets short.
func (v CheckoutView) warning() string {
	s := "Little time left: " + v.them() + " " + is(v.quantity()) + " kept until " + clockS(v.ExpiresAt, v.Event.Zone) + "."
	if v.capped() {
		return s + " No more time can be had. Pay now."
	}
	return s + " You can ask for more time with the button " + v.extendLabel() + "."
}

func is(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// later is what a screen reader says when the time has been extended.
func (v CheckoutView) later() string {
	return "Done: " + v.them() + " " + is(v.quantity()) + " now kept until " + clockS(v.ExpiresAt, v.Event.Zone) + "."
}

func (v CheckoutView) overTitle() string {
	one, many := v.thing()
	if v.quantity() == 1 {
		return "Time to pay has run out, and the " + one + " went back"
	}
	return "Time to pay has run out, and the " + many + " went back"
}

// couldNot is the heading of tickets that no payment is left for.
func (v CheckoutView) couldNot() string {
	one, many := v.thing()
	if v.quantity() == 1 {
		return "This " + one + " could not be paid"
	}
	return "These " + many + " could not be paid"
}

// namesOpen is whether the names on the tickets are shown without being asked for.
func (v CheckoutView) namesOpen() bool {
	return slices.ContainsFunc(v.Holders, func(h HolderField) bool { return h.Name != "" || h.Wrong != "" })
}

// nameHint says what the buyer's name is for.
func (v CheckoutView) nameHint() string {
	words := "It stands on the tickets, unless you write other names below. The door may ask for it."
	if v.quantity() == 1 {
		words = "It stands on the ticket, and the door may ask for it."
	}
	if v.NameGuessed {
		words = "From your e-mail address: put it right if it is not your name. " + words
	}
	return words
}

func (v CheckoutView) namesHeading() string {
	if len(v.Holders) == 1 {
		return "Somebody else’s name on the ticket?"
	}
	return "Other names on the tickets?"
}

// overHeading stands in place of the heading of a page that has become too old.
func (v CheckoutView) overHeading() string { return upperFirst(v.things()) + " went back" }

func (v CheckoutView) overLine() string {
	s := v.untaken() + " "
	if v.Name == "" {
		s += "What you typed is kept for the next order. "
	}
	return s + v.afterwards()
}

func (v CheckoutView) title() string {
	name := " – " + v.Event.Name
	if v.off() {
		return "The event is cancelled" + name
	}
	switch v.State {
	case CheckoutPaid:
		return "Paid" + name
	case CheckoutBank:
		return "Waiting for your bank" + name
	case CheckoutPaying:
		return "Finish paying" + name
	case CheckoutDown:
		return upperFirst(v.them()) + " " + is(v.quantity()) + " kept" + name
	case CheckoutExpired:
		return "Time has run out" + name
	case CheckoutReleased:
		return "Given back" + name
	case CheckoutRefundDue, CheckoutRefunded:
		if v.endedFree() {
			return v.backTitle() + name
		}
		return "Your money goes back" + name
	case CheckoutFailed:
		return "Try to pay again" + name
	case CheckoutUsedUp:
		return "Both payments failed" + name
	}
	if v.Total == 0 {
		return v.askHeading() + name
	}
	return "Pay " + v.Total.String() + name
}

func (v CheckoutView) payLabel() string {
	if v.Total == 0 {
		return "Take the " + v.freeThing()
	}
	if v.Fees.ByFan {
		return "Pay about " + v.toPay().String()
	}
	return "Pay " + v.Total.String()
}

func (v CheckoutView) nextLine() string {
	s := "Paystack opens and asks for your details. "
	switch {
	case v.Starts == 1:
		s += "This is the second and last payment of this visit: if it fails too, you need another turn."
	case v.ExpiresAt.IsZero():
		s += "If the payment fails, you can try once more."
	default:
		s += "If the payment fails, " + v.them() + " " + stay(v.quantity()) + " yours until at least " + clock(v.ExpiresAt, v.Event.Zone) + ", and you can try once more."
	}
	return s + " If your bank confirms it too late, you get the same or equal tickets, or all of your money back."
}

func (v CheckoutView) paidLine() string {
	ready, them := "Your tickets are ready.", "them"
	if v.quantity() == 1 {
		ready, them = "Your ticket is ready.", "it"
	}
	if v.Email != "" {
		ready += " We also send " + them + " to " + v.Email + "."
	}
	return ready
}

func (v CheckoutView) paidNext() string {
	if v.Disputed {
		return "when your bank withdraws its question, " + v.things() + " " + is(v.quantity()) + " good again by " + itself(v.quantity()) + ", with the same code. If it takes the money back for you, " + v.things() + " " + is(v.quantity()) + " void."
	}
	if v.quantity() == 1 {
		return "on the day, show the code on your ticket at the gate."
	}
	return "on the day, show the code on each ticket at the gate."
}

func (v CheckoutView) afterwards() string {
	if v.turnOver() {
		return "The two payments of this visit are used. If you still want tickets, ask for another turn."
	}
	if v.Inside {
		return "You are still inside, so you can choose again."
	}
	return "If you still want tickets, go to the line. There you see what is possible."
}

func (v CheckoutView) totalWord() string {
	if v.Event.Cancelled && v.State != CheckoutPaid {
		return "Total"
	}
	switch v.State {
	case CheckoutPaid:
		return "You paid"
	case CheckoutRefundDue, CheckoutRefunded, CheckoutExpired, CheckoutReleased, CheckoutUsedUp:
		return "Total"
	}
	if v.Fees.ByFan && !v.Fees.Known {
		return "You pay, about"
	}
	return "You pay"
}

func (v CheckoutView) tickets() string {
	if v.Tickets == "" {
		return "/tickets"
	}
	return v.Tickets
}

// extendLabel promises what an extension gives: a whole hold, or what is left up to the cap.
func (v CheckoutView) extendLabel() string {
	if !v.CapAt.IsZero() && v.CapAt.Before(v.ExpiresAt.Add(v.Hold-min(2*time.Minute, v.Hold/2))) {
		return "Keep " + them(v.quantity()) + " until " + clock(v.CapAt, v.Event.Zone)
	}
	return "Give me " + span(v.Hold) + " more"
}

// giveBack are the words of the question before a release.
func (v CheckoutView) giveBack() leaving {
	return leaving{
		Title: "Give " + v.things() + " back?",
		Text:  "Others can take " + them(v.quantity()) + " at once, and you may not get " + them(v.quantity()) + " again. You pay nothing.",
		Stay:  "Keep " + them(v.quantity()), Go: "Give " + them(v.quantity()) + " back",
	}
}
