package payment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/sale"
)

// How long the provider may take money for a payment, by the slowest channel
// that was offered; from initialize.
const (
	openCard     = 15 * time.Minute
	openTransfer = 30 * time.Minute
)

const channelTransfer = "bank_transfer"

// alwaysOffered take no longer than a card does.
var alwaysOffered = []string{"card", "ussd"}

// toCheckout is how much of a hold may be gone by the time its fan goes to pay.
const toCheckout = 2 * time.Minute

// channels are what a buyer may pay with who has so much of the hold left. The
// organizer's choice is what may be offered at most; without one it is card and
// ussd, and a transfer. The account number of a transfer lives 30 minutes: it is
// offered only where the hold is that long, and fresh; and never while people
// wait for the last tenth, because it would keep tickets from them for longest.
func channels(s *sale.Snapshot, left time.Duration) []string {
	offer := slices.Clone(s.Terms.Channels)
	if len(offer) == 0 {
		offer = append(slices.Clone(alwaysOffered), channelTransfer)
	}
	if left < openTransfer-toCheckout || lastTenthAwaited(s) {
		offer = slices.DeleteFunc(offer, func(c string) bool { return c == channelTransfer })
	}
	if len(offer) == 0 {
		// Only the transfer was chosen, and now is no time for one: nobody is left without a way to pay.
		offer = slices.Clone(alwaysOffered)
	}
	return offer
}

// scarcity is the share of the stock below which people wait for the last of it.
const scarcity = 10

// lastTenthAwaited reports, as of the snapshot, that less than a tenth is left and somebody waits for it.
func lastTenthAwaited(s *sale.Snapshot) bool {
	return s.Serving < s.Arrivals && s.Available()*scarcity < s.Stock()
}

func openFor(channels []string) time.Duration {
	if slices.Contains(channels, channelTransfer) {
		return openTransfer
	}
	return openCard
}

// Channels are what the fan could pay the account's claim with if a payment began now; none for a free one. 404
// claim_not_found.
func (s *Service) Channels(ctx context.Context, account, claimID uuid.UUID) ([]string, error) {
	c, err := s.cfg.Claims.Get(ctx, account, claimID)
	if err != nil {
		return nil, err
	}
	if c.Total == 0 {
		return nil, nil
	}
	event, err := s.cfg.Sales.Get(ctx, c.EventID.String())
	if err != nil {
		return nil, err
	}
	return channels(event, c.ExpiresAt.Sub(s.cfg.Clock.Now())), nil
}

// saleOf is the sale of the account's claim; 404 claim_not_found.
func (s *Service) saleOf(ctx context.Context, account, claimID uuid.UUID) (*sale.Snapshot, error) {
	event, err := s.q.EventOfClaim(ctx, s.cfg.DB, claimID, account)
	if db.NoRows(err) {
		return nil, errNoClaim
	}
	if err != nil {
		return nil, db.Fault(fmt.Errorf("payment: sale of a claim: %w", err))
	}
	return s.cfg.Sales.Get(ctx, event.String())
}
