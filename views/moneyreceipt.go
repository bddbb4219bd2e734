package views

import (
	"time"

	"fairqueue/internal/money"
)

// MoneyReceiptView is what was paid for an order, for the fan's papers.
type MoneyReceiptView struct {
	Event     EventInfo
	ClaimID   string
	Seller    string // the organizer
	TaxNumber string // of the seller; empty: none
	Buyer     string // name and e-mail
	Reference string // of the payment
	PaidAt    time.Time
	How       string // card, bank_transfer, …; empty: not known, or free
	Lines     []OrderLine
	Seats     []SeatSet
	Total     money.Kobo // the price
	Fees      FeesView
	Back      []BackView
	Left      money.Kobo // what is paid after all that went back
	TaxLeft   money.Kobo // the tax in it
}

func (v MoneyReceiptView) how() string {
	for _, w := range waysToPay {
		if w.Channel == v.How {
			return w.Name
		}
	}
	return v.How
}

func (v MoneyReceiptView) paid() money.Kobo { return v.Total + v.Fees.OnTop }

// TakenByBank is the reason of money that a bank asks back, or has taken.
const TakenByBank = "bank"

// backWord says how far money is that goes back: what is only owed is not called given.
func (v MoneyReceiptView) backWord(b BackView) string {
	switch {
	case b.Why == TakenByBank && b.Sent.IsZero():
		return "Asked back by your bank, " + dayShort(b.At, v.Event.Zone)
	case b.Why == TakenByBank:
		return "Taken back by your bank, " + dayShort(b.Sent, v.Event.Zone)
	case b.Status == "needs_attention":
		return "Owed to you since " + dayShort(b.At, v.Event.Zone) + ", waits for an account number"
	case b.Sent.IsZero():
		return "Owed to you since " + dayShort(b.At, v.Event.Zone) + ", not sent yet"
	}
	return "Given back, " + dayShort(b.Sent, v.Event.Zone)
}
