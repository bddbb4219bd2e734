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
