package views

import (
	"slices"
)

// MoneyForm is what an organizer sets about money, as it was typed.
type MoneyForm struct {
	Channels                       []string // ways to pay; none: we choose
	FeesBy                         string   // organizer or fan
	TaxName, TaxPercent, TaxNumber string
	Returns                        bool
	ReturnsUntil                   string // yyyy-mm-ddThh:mm where the event is
	Disputes                       string // void or keep
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
	{"bank_transfer", "Bank transfer", "Can take half an hour, so it is offered only where tickets are held that long."},
	{"bank", "Bank account", "The fan logs in at their bank."},
	{"qr", "QR code", "Scanned with a bank's app."},
	{"apple_pay", "Apple Pay", ""},
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
