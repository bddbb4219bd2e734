package sandbox

import "strings"

// card is one of Paystack's test cards.
type card struct {
	Number string
	CVV    string
	PIN    string
	OTP    string
	Brand  string
	// Declined is the reason why it is refused; empty: it pays.
	Declined string
	// Refund is how refunds to it end; empty: processed.
	Refund string
	// Says tells a tester what the card does.
	Says string
}

// cards are those of Paystack's documentation; where it names no CVV, ours is 123.
var cards = []card{
	{Number: "4084084084084081", CVV: "408", Brand: "visa", Says: "Pays at once"},
	{Number: "5060666666666666666", CVV: "123", PIN: "1234", OTP: "123456", Brand: "verve", Says: "Pays, asks for PIN and one-time code"},
	{Number: "507850785078507812", CVV: "081", PIN: "1111", Brand: "verve", Says: "Pays, asks for PIN"},
	{Number: "4084080000005408", CVV: "001", Brand: "visa", Declined: "Declined", Says: "Is declined"},
	{Number: "4084080000670037", CVV: "787", Brand: "visa", Declined: "Insufficient Funds", Says: "Has no money"},
	{Number: "4084080000671803", CVV: "123", Brand: "visa", Refund: "failed", Says: "Pays, a refund fails"},
	{Number: "4084080000671902", CVV: "123", Brand: "visa", Refund: "needs-attention", Says: "Pays, a refund needs attention"},
}

// cardNumbered finds a test card; 0 for none, else 1 + its index.
func cardNumbered(number string) int {
	digits := figures(number)
	for i, c := range cards {
		if c.Number == digits {
			return i + 1
		}
	}
	return 0
}

// figures leaves the figures of a word.
func figures(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// Spaced is the number in groups of four, for people.
func (c card) Spaced() string {
	var b strings.Builder
	for i, r := range c.Number {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
