package api

import (
	"math"
	"time"

	"fairqueue/internal/sale"
)

// MoneyTerms are what an organizer sets about money; what is left out stays, or takes the usual value.
type MoneyTerms struct {
	Channels     []string   `json:"channels,omitempty" nullable:"false" maxItems:"6" enum:"card,ussd,bank,qr,bank_transfer,apple_pay" doc:"What a fan may pay with. Empty: card and ussd, and bank_transfer while holds are long and nobody waits for the last tenth. A bank transfer is offered only where the hold is long enough for it, whatever stands here."`
	FeesBy       *string    `json:"fees_by,omitempty" enum:"organizer,fan" doc:"Who bears the fee of the payment provider; organizer if left out. fan: the provider adds it, if the organizer's account there is set to do so."`
	Tax          *SaleTax   `json:"tax,omitempty" doc:"A tax that the prices contain, for receipts."`
	Returns      *bool      `json:"returns,omitempty" doc:"Whether fans may give tickets back for their price; false if left out."`
	ReturnsUntil *time.Time `json:"returns_until,omitempty" doc:"Until the event starts if left out, and never later."`
	Disputes     *string    `json:"disputes,omitempty" enum:"void,keep" doc:"What becomes of tickets while a bank disputes their payment: void until the dispute is won (if left out), or kept until it is lost."`
}

// SaleTax is the tax of MoneyTerms; without a name and with 0 percent there is none.
type SaleTax struct {
	Name    string  `json:"name" maxLength:"50" example:"VAT"`
	Percent float64 `json:"percent" minimum:"0" maximum:"100" doc:"With two decimals at most." example:"7.5"`
	Number  string  `json:"number,omitempty" maxLength:"50" doc:"The number under which the organizer pays the tax." example:"12345678-0001"`
}

// sale is the tax in hundredths of a percent; a rate that is no whole number of them is refused by sale's check.
func (t SaleTax) sale() sale.Tax {
	points := t.Percent * 100
	whole := math.Round(points)
	if math.Abs(points-whole) > 1e-6 {
		whole = -1
	}
	return sale.Tax{Name: t.Name, BasisPoints: int(whole), Number: t.Number}
}

// to sets in t what m says.
func (m MoneyTerms) to(t *sale.Terms) {
	t.Channels = m.Channels
	if m.FeesBy != nil {
		t.FeesBy = sale.FeesBy(*m.FeesBy)
	}
	if m.Tax != nil {
		t.Tax = m.Tax.sale()
	}
	if m.Returns != nil {
		t.Returns = *m.Returns
	}
	t.ReturnsUntil = m.ReturnsUntil
	if m.Disputes != nil {
		t.Disputes = sale.DisputeRule(*m.Disputes)
	}
}

// patch sets in p what m says.
func (m MoneyTerms) patch(p *sale.Patch) {
	if m.Channels != nil {
		p.Channels = &m.Channels
	}
	p.FeesBy, p.Disputes = (*sale.FeesBy)(m.FeesBy), (*sale.DisputeRule)(m.Disputes)
	if m.Tax != nil {
		tax := m.Tax.sale()
		p.Tax = &tax
	}
	p.Returns, p.ReturnsUntil = m.Returns, m.ReturnsUntil
}
