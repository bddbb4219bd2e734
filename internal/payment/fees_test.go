package payment_test

import (
	"math/rand/v2"
	"testing"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
)

func TestTheFeeOfTheProvider(t *testing.T) {
	t.Parallel()
	for of, want := range map[money.Kobo]money.Kobo{
		0: 0, -5: 0, 1: 1, 100_00: 1_50, 2_499_99: 37_50, 2_500_00: 137_50, 15_000_00: 325_00, 126_666_00: 1_999_99, 126_667_00: 2_000_00, 5e13: 2_000_00,
	} {
		if got := payment.Fee(of); got != want {
			t.Errorf("of %s: %s, want %s", of, got, want)
		}
	}
	// Whoever bears the fee pays the least that leaves the price.
	r := rand.New(rand.NewPCG(uint64(dbtest.Seed()), 1))
	for range 2000 {
		price := money.Kobo(1 + r.Int64N(200_000_00))
		on := payment.FeeOnTop(price)
		if left := price + on - payment.Fee(price+on); left != price {
			t.Fatalf("of %s and %s the organizer has %s", price, on, left)
		}
		if on > 1 && price+on-1-payment.Fee(price+on-1) >= price {
			t.Fatalf("%s on top of %s is too much", on, price)
		}
	}
	if payment.FeeOnTop(0) != 0 {
		t.Error("a free ticket has a fee")
	}
}
