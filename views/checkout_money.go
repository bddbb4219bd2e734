package views

import (
	"slices"
	"strings"
	"time"

	"fairqueue/internal/money"
	"fairqueue/views/ui"
)

// FeesView is what is paid beside the price, and what of the price is tax.
type FeesView struct {
	ByFan   bool       // the provider adds its fee to the price
	OnTop   money.Kobo // what it adds: an estimate before the payment, the truth after it
	Known   bool       // OnTop is the truth
	TaxName string     // "VAT 7.5 %"; empty: there is no tax
	Tax     money.Kobo // part of the price
}

// NoTransfer says why a bank transfer is not offered.
type NoTransfer string

// The reasons.
const (
	TransferTooSlow NoTransfer = "slow"   // the tickets are not kept as long as it may take
	TransferScarce  NoTransfer = "scarce" // others wait for the last tickets
)

// BackView is money that goes back to the fan.
type BackView struct {
	Amount money.Kobo
	Why    string // a word of the rows: sold_to_others, overpaid, organizer, …
	Note   string // what the organizer says
	Status string // of the refund: due, requested, pending, processing, processed, failed, needs_attention
	At     time.Time
	Sent   time.Time // zero: not yet
}

// backWhy are the reasons why money goes back, in words.
var backWhy = map[string]string{
	"wrong_currency":  "It came in another currency than the price.",
	"wrong_amount":    "The amount was not the one we asked for.",
	"underpaid":       "It was less than the price.",
	"overpaid":        "You paid this much more than the price. Your tickets are good.",
	"second_payment":  "You paid twice. The tickets were paid for already.",
	"sold_to_others":  "Your bank confirmed the payment after the tickets were given to others, and no equal ones were free.",
	"above_limit":     "Your bank confirmed the payment late, and you have bought all the tickets a fan may have since.",
	"changed_since":   "It was for tickets that you exchanged for others since.",
	"event_cancelled": "The event does not take place.",
	"event_over":      "Your bank confirmed the payment after the event had begun.",
	"organizer":       "The organizer gives it back.",
	"returned":        "You gave a ticket back.",
	"dispute":         "It is what was left of a payment that your bank disputed.",
	"provider":        "The organizer gives it back.",
	"bank":            "Your bank took this part back for you.",
}

func (b BackView) why() string {
	if w := backWhy[b.Why]; w != "" {
		return w
	}
	return "It could not become tickets."
}

func (b BackView) state() (ui.State, string) {
	switch b.Status {
	case "processed":
		return ui.Open, "Sent back"
	case "failed":
		return ui.Low, "Held up, it is tried again"
	case "needs_attention":
		return ui.Low, "Waits for an account number"
	}
	return ui.Soon, "On its way"
}

// next is what happens next with the money, and what the fan can do.
func (b BackView) next(l *time.Location) string {
	switch b.Status {
	case "processed":
		s := "It has left us"
		if !b.Sent.IsZero() {
			s += " on " + day(b.Sent, l) + " at " + clock(b.Sent, l)
		}
		return s + ". Your bank may need up to 10 working days to show it."
	case "failed":
		return "It did not go through at the first try. It is still yours: the organizer knows, and it is tried again until it does. You need not do anything now."
	case "needs_attention":
		return "It cannot go back the way you paid. It is still yours: the organizer will ask you for a bank and an account number, and sends it there. Nobody needs your PIN, your card or a password for that."
	}
	return "It goes back the way you paid. You need not do anything, and we write to you when it has left us."
}

// backAll is all that goes back.
func (v CheckoutView) backAll() (sum money.Kobo) {
	for _, b := range v.Back {
		sum += b.Amount
	}
	return sum
}

// backTitle is the heading of a page of which all money goes back.
func (v CheckoutView) backTitle() string {
	if v.Disputed {
		return "Your bank took the payment back"
	}
	why := ""
	if len(v.Back) > 0 {
		why = v.Back[len(v.Back)-1].Why
	}
	if v.endedFree() {
		if v.Event.Cancelled {
			return "The event does not take place"
		}
		return upperFirst(v.them()) + " " + is(v.quantity()) + " not valid any more"
	}
	switch why {
	case "sold_to_others":
		return "Your payment came too late"
	case "above_limit":
		return "You already have all you may have"
	case "event_cancelled":
		return "The event does not take place"
	case "event_over":
		return "Your payment came after the event had begun"
	case "organizer", "provider":
		return "The organizer gave your money back"
	case "returned":
		return "You gave your tickets back"
	}
	if v.State == CheckoutRefunded {
		return "Your money was sent back"
	}
	return "Your payment could not become tickets"
}

func (v CheckoutView) backLead() string {
	if v.Disputed {
		return "Your bank has taken the money of this payment back for you, so its tickets are void."
	}
	if len(v.Back) == 0 {
		if v.Total == 0 {
			return "You paid nothing, so no money goes back."
		}
		return "You get it back the way you paid. Banks need up to 10 working days."
	}
	last := v.Back[len(v.Back)-1]
	switch last.Why {
	case "event_cancelled", "organizer", "provider", "returned": // the heading says it
		return "You get " + v.backAll().String() + " back."
	}
	return last.why() + " You get " + v.backAll().String() + " back."
}

// backFirst is why the payment that came last goes back, and what can be done now.
func (v CheckoutView) backFirst() string {
	b := v.Back[len(v.Back)-1]
	why := b.why() + " You get " + b.Amount.String() + " back."
	if b.Why == "underpaid" {
		why = "You paid " + b.Amount.String() + ", and the price is " + v.Total.String() + ". All that you paid comes back."
	}
	if v.ExpiresAt.IsZero() {
		return why
	}
	return why + " " + upperFirst(v.them()) + " " + is(v.quantity()) + " still kept until " + clock(v.ExpiresAt, v.Event.Zone) + ": until then you can pay the whole price."
}

// ways are ways to pay in a sentence: "card or USSD".
func ways(channels []string) string {
	var names []string
	for _, w := range waysToPay {
		if slices.Contains(channels, w.Channel) {
			name := w.Name
			if w.Channel != "ussd" && w.Channel != "qr" && w.Channel != "apple_pay" {
				name = strings.ToLower(name)
			}
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "what Paystack offers you"
	}
	return list(names, "or")
}

// free is whether all that is sold costs nothing.
func free(tiers []TierInfo) bool {
	return len(tiers) > 0 && !slices.ContainsFunc(tiers, func(t TierInfo) bool { return t.Price > 0 })
}

// payLine says before anything is held what can be paid with.
func payLine(tiers []TierInfo, channels []string) string {
	if free(tiers) {
		return "The tickets are free. Nothing has to be paid."
	}
	s := "Pay by " + ways(channels) + "."
	if slices.Contains(channels, "bank_transfer") {
		s += " While people wait for the last tickets, bank transfer is not offered: it takes too long then."
	}
	return s + " If a payment fails, your tickets stay held and you can try once more."
}

func (v CheckoutView) noTransferLine() string {
	switch v.NoTransfer {
	case TransferTooSlow:
		return "Bank transfer is not offered here: it can take half an hour, and we can keep " + v.things() + " for you for less."
	case TransferScarce:
		return "Bank transfer is not offered now: it can take half an hour, and others wait for the last tickets."
	}
	return ""
}

// toDo is what to do for one way to pay while a bank is silent.
type toDo struct{ Way, Words string }

// toDos are the advice for each way to pay that was offered.
func (v CheckoutView) toDos() (out []toDo) {
	for _, c := range v.Channels {
		switch c {
		case "card":
			out = append(out, toDo{"By card", "If your bank sent you a code, type it at Paystack. Banks mostly answer within a minute."})
		case "ussd":
			out = append(out, toDo{"By USSD", "Dial the code that Paystack showed you and confirm with your PIN. It takes a minute or two."})
		case "bank_transfer":
			words := "Send exactly " + v.Total.String() + " to the account number that Paystack showed you"
			if !v.PayUntil.IsZero() {
				words += ", before " + clock(v.PayUntil, v.Event.Zone)
			}
			out = append(out, toDo{"By bank transfer", words + ". Mostly it is here in a few minutes. Ten or more is not unusual."})
		case "bank":
			out = append(out, toDo{"From a bank account", "Confirm in the app or at the page of your bank."})
		case "qr":
			out = append(out, toDo{"By QR code", "Confirm in the app of your bank."})
		case "apple_pay":
			out = append(out, toDo{"By Apple Pay", "Confirm on your phone."})
		}
	}
	return out
}

// keptLine says for how long tickets are kept at least while a payment runs.
func (v CheckoutView) keptLine() string {
	if v.PayUntil.IsZero() {
		return upperFirst(v.them()) + " " + is(v.quantity()) + " kept for you until we know."
	}
	return upperFirst(v.them()) + " " + is(v.quantity()) + " kept for you until your bank has answered, at least until " + clock(v.PayUntil, v.Event.Zone) + "."
}

// usedUpLine says what becomes of tickets that no payment is left for.
func (v CheckoutView) usedUpLine() string {
	s := "Each visit has two payments, so that nobody keeps tickets from the others for long. " + upperFirst(v.them()) + " " + is(v.quantity()) + " kept"
	if !v.ExpiresAt.IsZero() {
		s += " until " + clock(v.ExpiresAt, v.Event.Zone)
	}
	return s + ", in case your bank says yes after all. Then " + goes(v.quantity()) + " back to the others by " + itself(v.quantity()) + "."
}

// giveBackWith is the first step of asking for another turn.
func (v CheckoutView) giveBackWith() string {
	if v.quantity() == 1 {
		return v.things() + " goes back to the others at once"
	}
	return v.things() + " go back to the others at once"
}

func goes(n int) string {
	if n == 1 {
		return "it goes"
	}
	return "they go"
}

// unpaidLine is for a buyer who came back from the provider, which says that nothing was paid.
func (v CheckoutView) unpaidLine() string {
	s := "Paystack says that nothing was taken. " + upperFirst(v.them()) + " " + is(v.quantity()) + " still kept for you"
	if !v.PayUntil.IsZero() {
		s += " until " + clock(v.PayUntil, v.Event.Zone)
	}
	return s + ". Pay at Paystack by then, or give " + them(v.quantity()) + " back."
}

// keptDown says until when at least tickets are kept while no bank was asked yet.
func (v CheckoutView) keptDown() string {
	if v.PayUntil.IsZero() {
		return ""
	}
	if v.quantity() == 1 {
		return "It stays yours at least until " + clock(v.PayUntil, v.Event.Zone) + "."
	}
	return "They stay yours at least until " + clock(v.PayUntil, v.Event.Zone) + "."
}

// downLine says for how long tickets are kept at most while the provider does not answer before a payment.
func (v CheckoutView) downLine() string {
	s := "Nothing was charged, and nothing is lost: try to pay again in a moment."
	if v.CapAt.IsZero() {
		return s
	}
	return s + " While this page is open we give you more time by ourselves, up to " + clock(v.CapAt, v.Event.Zone) + "."
}

// allBack reports whether the order is over and its money goes back.
func (v CheckoutView) allBack() bool {
	return v.State == CheckoutRefundDue || v.State == CheckoutRefunded
}

// bankSays is what the bank said about a payment that failed.
func (v CheckoutView) bankSays() string {
	s := strings.TrimSpace(v.Said)
	if s == "" || len(s) > 120 {
		return ""
	}
	return "Your bank says: " + strings.TrimSuffix(s, ".") + "."
}

// live is how often a page that waits for somebody else looks again, in seconds; 0: it does not.
func (v CheckoutView) live() int {
	if v.off() {
		return 10 // held tickets are being taken back, and money may still come
	}
	switch v.State {
	case CheckoutPaying, CheckoutBank, CheckoutDown:
		return 3
	case CheckoutExpired, CheckoutReleased:
		if v.Tried {
			return 10
		}
	case CheckoutUsedUp: // the tickets go back, or a bank says yes after all
		return 10
	case CheckoutRefundDue:
		return 10
	}
	return 0
}

// Mark is what a page that waits shows: when it changes, the page has become another.
func (v CheckoutView) Mark() string {
	s := string(v.State)
	switch v.State {
	case CheckoutPaying, CheckoutBank, CheckoutDown:
		return "waiting" // between them only words change
	}
	for _, b := range v.Back {
		s += "." + b.Status
	}
	return s
}

// untaken says whether money was taken, as far as anybody knows.
func (v CheckoutView) untaken() string {
	if v.Tried {
		return "No payment of yours has reached us."
	}
	return "No money was taken."
}

// feeLine is what comes on top of the price: before the payment it is not known to the kobo.
func (v CheckoutView) feeLine() (name, amount string) {
	switch {
	case !v.Fees.ByFan:
		return "Fees", "₦0"
	case v.Fees.Known:
		return "Added by Paystack", v.Fees.OnTop.String()
	}
	return "Added by Paystack, about", v.Fees.OnTop.String()
}

// toPay is what leaves the fan's bank.
func (v CheckoutView) toPay() money.Kobo {
	if v.Fees.ByFan {
		return v.Total + v.Fees.OnTop
	}
	return v.Total
}

func lets(n int) string {
	if n == 1 {
		return "lets"
	}
	return "let"
}

func itself(n int) string {
	if n == 1 {
		return "itself"
	}
	return "themselves"
}

func stay(n int) string {
	if n == 1 {
		return "stays"
	}
	return "stay"
}

// movedLine says what a payment that came late became.
func (v CheckoutView) movedLine() string {
	one, many := v.thing()
	if v.quantity() == 1 {
		return "Your payment reached us after the time had run out, and the " + one + " you had chosen was taken. This is an equal one, of the same kind and price."
	}
	return "Your payment reached us after the time had run out, and not all of the " + many + " you had chosen were free. These are equal ones, of the same kind and price."
}
