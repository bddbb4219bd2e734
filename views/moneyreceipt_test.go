package views

import (
	"strings"
	"testing"
	"time"
)

// A receipt calls given only what was sent.
func TestAReceiptSaysHowFarMoneyIs(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	v := MoneyReceiptView{Event: EventInfo{Zone: time.UTC}}
	for want, b := range map[string]BackView{
		"Owed to you since":       {Status: "failed", At: at},
		"Given back, ":            {Status: "processed", At: at, Sent: at},
		"Asked back by your bank": {Why: TakenByBank, At: at},
		"Taken back by your bank": {Why: TakenByBank, At: at, Sent: at},
	} {
		if got := v.backWord(b); !strings.HasPrefix(got, want) || strings.Contains(got, "not sent") != (b.Status == "failed") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
