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
	if err := g.Code(t.Context(), "2001:db8:0:1:ffff::1"); fault.Code(err) != "too_many_requests" {
		t.Errorf("another address of the network: %v", err)
	}
	for _, ip := range []string{"2001:db8:0:2::1", "192.0.2.1", "not an address"} {
		if err := g.Code(t.Context(), ip); err != nil {
			t.Errorf("%s: %v", ip, err)
		}
	}
}
