package guard_test

import (
	"fmt"
	"testing"

	"fairqueue/internal/fault"
	"fairqueue/internal/guard"
)

// A home has more addresses of IPv6 than anybody can count, and they are one network.
func TestANetworkCountsAsOne(t *testing.T) {
	t.Parallel()
	g := guard.New(guard.Config{})
	for i := range guard.CodesPerAddress.N {
		if err := g.Code(t.Context(), fmt.Sprintf("2001:db8:0:1::%x", i)); err != nil {
			t.Fatal(err)
		}
	}
	for ip, want := range map[string]int{"2001:db8:0:1:ffff::1": 429, "2001:db8:0:2::1": 200, "192.0.2.1": 200, "not an address": 200} {
		if err := g.Code(t.Context(), ip); (want == 429) != (fault.Status(err) == 429) {
			t.Errorf("%s: %v", ip, err)
		}
	}
}
