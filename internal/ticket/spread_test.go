package ticket

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"fairqueue/internal/money"
)

// Whatever part of an order goes back: it is divided to the kobo, nobody's share is above what the ticket is worth, each is
// less than a kobo from its exact share, and what costs the same loses the same, but for one kobo.
func TestSpreadIsFairToTheKobo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var tickets []Good
		var sum int64
		for _, w := range rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 9), rapid.Int64Range(0, 1_000_000_000_000)), 1, 50).Draw(t, "worth") {
			tickets, sum = append(tickets, Good{Worth: money.Kobo(w)}), sum+w
		}
		amount := rapid.Int64Range(0, sum).Draw(t, "amount")
		shares, ok := spread(tickets, money.Kobo(amount))
		if !ok || len(shares) != len(tickets) {
			t.Fatalf("%d of %d was refused", amount, sum)
		}
		var all int64
		for i, s := range shares {
			all += int64(s)
			if s < 0 || s > tickets[i].Worth {
				t.Fatalf("ticket %d is worth %d and loses %d", i, tickets[i].Worth, s)
			}
			if sum == 0 {
				continue
			}
			// |share × sum − worth × amount| < sum
			off := new(big.Int).Sub(new(big.Int).Mul(big.NewInt(int64(s)), big.NewInt(sum)), new(big.Int).Mul(big.NewInt(int64(tickets[i].Worth)), big.NewInt(amount)))
			if off.CmpAbs(big.NewInt(sum)) >= 0 {
				t.Fatalf("ticket %d of %d loses %d of %d", i, tickets[i].Worth, s, amount)
			}
			for j, o := range shares[:i] {
				if tickets[i].Worth == tickets[j].Worth && (o-s > 1 || o < s) {
					t.Fatalf("tickets %d and %d are worth the same, and lose %d and %d", j, i, o, s)
				}
			}
		}
		if all != amount {
			t.Fatalf("%d were divided, of %d", all, amount)
		}
		if _, ok := spread(tickets, money.Kobo(sum+1)); ok {
			t.Fatal("more was divided than there is")
		}
	})
	if _, ok := spread([]Good{{Worth: 1}}, -1); ok {
		t.Error("less than nothing was divided")
	}
}
