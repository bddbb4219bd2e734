package payment

import "fairqueue/internal/money"

// What Paystack keeps of a local payment in naira (PAYSTACK.md): 1.5 % and ₦100, the ₦100 waived below ₦2,500, at most
// ₦2,000.
const (
	feePerMille  = 15
	feeFlat      = money.Kobo(100_00)
	feeFlatFrom  = money.Kobo(2_500_00)
	feeMost      = money.Kobo(2_000_00)
	feeTakenFrom = feeMost * 1000 / feePerMille // more is not looked at: the fee is the most there is
)

// Fee is what the provider keeps of a local payment of an amount. It is an estimate for people: no decision is made by it.
func Fee(of money.Kobo) money.Kobo {
	switch {
	case of <= 0:
		return 0
	case of >= feeTakenFrom:
		return feeMost
	}
	fee := (of*feePerMille + 999) / 1000
	if of >= feeFlatFrom {
		fee += feeFlat
	}
	return min(fee, feeMost)
}

// FeeOnTop is what the provider adds to a price where the buyer bears the fee, so that the price is left: an estimate, too.
func FeeOnTop(price money.Kobo) money.Kobo {
	if price <= 0 {
		return 0
	}
	total := price
	for {
		// The fee of a larger amount is never smaller, so this climbs to the first total that leaves the price.
		next := price + Fee(total)
		if next == total {
			return total - price
		}
		total = next
	}
}
