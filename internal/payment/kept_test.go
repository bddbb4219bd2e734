package payment_test

import (
	"testing"

	"fairqueue/internal/audit"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
	"fairqueue/internal/stats"
)

// console is what the organizer's console says that came, what of it does not stay and what of that banks took, and what they ask for. What stays is
// what the books of the audit say that good tickets and fees are worth, unless a bank is still to decide.
func (s *shop) console(came, back, lost, asked money.Kobo) {
	s.Helper()
	f, err := stats.Of(s.Context(), s.pool, s.event.ID())
	s.must(err)
	m := f.Money
	if m.Succeeded.Amount != came || m.Refunded.Amount != back || m.Lost != lost || m.Disputed != asked {
		s.Fatalf("%v came, %v of it back, %v by banks, %v asked for; want %v, %v, %v, %v", m.Succeeded.Amount, m.Refunded.Amount, m.Lost, m.Disputed, came, back, lost, asked)
	}
	if asked > 0 {
		return
	}
	books, err := audit.Lines(s.Context(), s.pool, s.event.ID())
	s.must(err)
	var stays int64
	for _, l := range books {
		stays += l.Tickets + l.Fees
	}
	if stays != int64(came-back) {
		s.Fatalf("the console says that %d kobo stay, the books %d", came-back, stays)
	}
}

func TestWhatTheConsoleSaysStaysIsWhatTheBooksSay(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	part, _ := s.sold(2)
	whole, _ := s.sold(1)
	_, asked := s.sold(2)
	s.console(5*price, 0, 0, 0)

	// A part while the tickets stay good counts from the moment it is owed; so does one ticket, and a whole order.
	some := money.Kobo(123)
	s.refund(payment.Ask{Order: part.ID, By: part.AccountID, Amount: &some})
	s.console(5*price, 123, 0, 0)
	s.refund(payment.Ask{Order: whole.ID, By: whole.AccountID})
	s.console(5*price, price+123, 0, 0)
	s.refund(payment.Ask{Order: part.ID, By: part.AccountID, Tickets: s.good(part)[:1]})
	s.allBack()

	// A bank that asks for one ticket of two has taken nothing yet. When it wins, it has that, and the rest is refunded.
	back := money.Kobo(s.count(`SELECT sum(amount_kobo) FROM refunds`))
	s.console(5*price, back, 0, 0)
	s.bankAsks(asked, 7, disputeOpens, "awaiting-merchant-feedback", "", price)
	s.console(5*price, back, 0, price)
	s.bankAsks(asked, 7, disputeCloses, "resolved", "merchant-accepted", price)
	s.console(5*price, back+2*price, price, 0)
	s.allBack()
	s.console(5*price, back+2*price, price, 0)

	// One that it loses stays whole.
	_, kept := s.sold(1)
	s.bankAsks(kept, 8, disputeOpens, "awaiting-merchant-feedback", "", price)
	s.console(6*price, back+2*price, price, price)
	s.bankAsks(kept, 8, disputeCloses, "resolved", "declined", price)
	s.console(6*price, back+2*price, price, 0)
}
