package money

import "strconv"

// Kobo is an amount of Nigerian naira in kobo.
type Kobo int64

// Currency is the one currency of sales (ISO 4217).
const Currency = "NGN"

// String formats the amount for people: "₦12,500", "₦12,500.50", "-₦3".
func (k Kobo) String() string {
	sign, v := "", uint64(k)
	if k < 0 {
		sign, v = "-", uint64(-k)
	}
	naira := strconv.FormatUint(v/100, 10)
	out := make([]byte, 0, len(naira)+len(naira)/3)
	for i := range len(naira) {
		if i > 0 && (len(naira)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, naira[i])
	}
	s := sign + "₦" + string(out)
	if r := v % 100; r != 0 {
		s += "." + strconv.FormatUint(r/10, 10) + strconv.FormatUint(r%10, 10)
	}
	return s
}

// Money is an amount as the JSON API carries it.
type Money struct {
	Amount   Kobo   `json:"amount" doc:"Amount in kobo, the hundredth of a naira." example:"1500000"`
	Currency string `json:"currency" doc:"ISO 4217 code." example:"NGN"`
}

// In returns k as the JSON API carries it.
func In(k Kobo) Money { return Money{Amount: k, Currency: Currency} }
