package money_test

import (
	"math"
	"testing"

	"fairqueue/internal/money"
)

func TestKoboString(t *testing.T) {
	t.Parallel()
	for k, want := range map[money.Kobo]string{
		0: "₦0", 5: "₦0.05", 100: "₦1", 99999: "₦999.99", 100000: "₦1,000",
		1250000: "₦12,500", 16472000000: "₦164,720,000", -300: "-₦3",
		math.MinInt64: "-₦92,233,720,368,547,758.08",
	} {
		if got := k.String(); got != want {
			t.Errorf("%d: got %q, want %q", int64(k), got, want)
		}
	}
}
