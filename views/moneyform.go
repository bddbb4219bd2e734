package views

import (
	"slices"
	"time"
)

// MoneyForm is what an organizer sets about money, as it was typed.
type MoneyForm struct {
	Channels                       []string // ways to pay; none: we choose
	FeesBy                         string   // organizer or fan
	TaxName, TaxPercent, TaxNumber string
	Returns                        bool
	ReturnsUntil                   string // yyyy-mm-ddThh:mm where the event is
	Disputes                       string // void or keep
	// Hold is how long tickets are held, and TransferHold how long they must be for a bank transfer to be offered.
	Hold, TransferHold time.Duration
}

// MoneyView is what an organizer sets about the money of an event that is there.
type MoneyView struct {
	Event EventInfo
	Form  EventFormView // only its Money, Errors and Problem
	Done  string
}

// wayToPay is a way to pay in words.
type wayToPay struct{ Channel, Name, Hint string }

// waysToPay are those of the provider, the usual ones first.
var waysToPay = []wayToPay{
	{"card", "Card", "Answers at once."},
	{"ussd", "USSD", "A code that is dialled on any phone."},
	{"bank_transfer", "Bank transfer", "Can take half an hour."},
	{"bank", "Bank account", "The fan logs in at their bank."},
	{"qr", "QR code", "Scanned with a bank's app."},
	{"apple_pay", "Apple Pay", ""},
}

// short is whether tickets are held for less long than a bank transfer needs.
func (m MoneyForm) short() bool { return m.Hold > 0 && m.Hold < m.TransferHold }

// hint says what an organizer must know about a way to pay before choosing it.
func (m MoneyForm) hint(w wayToPay) string {
	switch {
	case w.Channel != "bank_transfer" || m.TransferHold == 0:
		return w.Hint
	case m.short():
		return w.Hint + " Tickets of this sale are held for " + span(m.Hold) + ", so fans are not offered it: they must be held for at least " + span(m.TransferHold) + "."
	}
	return w.Hint + " Fans are offered it when they go to pay at once, but not for the last tickets while people wait."
}

// usualWays says what is offered where nothing is chosen.
func (m MoneyForm) usualWays() string {
	if m.short() {
		return "Choose none, and we offer card and USSD."
	}
	return "Choose none, and we offer card, USSD and bank transfer."
}

func (m MoneyForm) has(channel string) bool { return slices.Contains(m.Channels, channel) }

// moneyErrors unfolds the part about money when something in it is wrong.
func (v EventFormView) moneyErrors() bool {
	for _, name := range []string{"channels", "fees_by", "tax.name", "tax.percent", "tax.number", "returns_until", "disputes"} {
		if v.Errors[name] != "" {
			return true
		}
	}
	return false
}
