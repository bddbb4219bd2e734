package guard

import (
	"context"
	"net/netip"
	"time"
)

// The limits of the doors that people and programs share. Mobile networks put
// thousands of people behind one address, and they sign in together, in the
// minutes before a sale: what keeps somebody from trying codes is the limit of
// an e-mail address, not this one.
var (
	CodesPerAddress  = Rate{N: 200, Per: time.Minute}
	TokensPerAddress = Rate{N: 400, Per: time.Minute}
	// JoinsPerAccount is far above a person who double-clicks on three devices,
	// and far below what would be felt.
	JoinsPerAccount = Rate{N: 300, Per: time.Minute}
	// PresalesPerAccount is what keeps somebody from guessing presale codes: a made-up one has fifty random bits.
	PresalesPerAccount = Rate{N: 10, Per: time.Minute}
	PresalesPerAddress = Rate{N: 200, Per: time.Minute}
)

// Code counts a request for a one-time code from an address of the network.
func (g *Guard) Code(ctx context.Context, ip string) error {
	return g.Allow(ctx, "code_ip", network(ip), CodesPerAddress)
}

// Token counts a try of a code from an address of the network.
func (g *Guard) Token(ctx context.Context, ip string) error {
	return g.Allow(ctx, "token_ip", network(ip), TokensPerAddress)
}

// Presale counts a try of a presale code by an account, from an address of the network.
func (g *Guard) Presale(ctx context.Context, account, ip string) error {
	if err := g.Allow(ctx, "presale_account", account, PresalesPerAccount); err != nil {
		return err
	}
	return g.Allow(ctx, "presale_ip", network(ip), PresalesPerAddress)
}

// Join counts a join of an account.
func (g *Guard) Join(account string) error { return g.AllowLocal("join", account, JoinsPerAccount) }

// network is what an address counts as: a home or a phone has one /64 of IPv6.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	addr = addr.Unmap()
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
