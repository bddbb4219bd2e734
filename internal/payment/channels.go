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

// TransferHold is how long a hold must be for a bank transfer to be promised.
const TransferHold = openTransfer

// NoTransfer is why a bank transfer is not offered; empty: it is, or the organizer does not want it.
type NoTransfer string

// The reasons: the hold is too short for one, or people wait for the last tickets.
const (
	TransferTooSlow NoTransfer = "slow"
	TransferScarce  NoTransfer = "scarce"
)

// Offer is what a buyer may pay with who has so much of the hold left, and the one
// place that decides it: what pages promise, what checkout shows, what the provider
// is asked for. The organizer's choice is what may be offered at most; without one
// it is card and ussd, and a transfer. The account number of a transfer lives 30
// minutes: it is offered only where the hold is that long, and fresh; and never
// while people wait for the last tenth, because it would keep tickets from them for
// longest.
func Offer(s *sale.Snapshot, left time.Duration) (channels []string, no NoTransfer) {
	channels = slices.Clone(s.Terms.Channels)
	if len(channels) == 0 {
		channels = append(slices.Clone(alwaysOffered), channelTransfer)
	}
	if slices.Contains(channels, channelTransfer) {
		switch {
		case left < TransferHold-toCheckout:
			no = TransferTooSlow
		case lastTenthAwaited(s):
			no = TransferScarce
		}
	}
	if no != "" {
		channels = slices.DeleteFunc(channels, func(c string) bool { return c == channelTransfer })
	}
	if len(channels) == 0 {
		// Only the transfer was chosen, and now is no time for one: nobody is left without a way to pay.
		channels = slices.Clone(alwaysOffered)
	}
	return channels, no
}

// Promise is Offer for who holds tickets now and goes to pay: what pages say before there is a hold.
func Promise(s *sale.Snapshot) (channels []string, no NoTransfer) {
	return Offer(s, time.Duration(s.Terms.HoldSeconds)*time.Second-toCheckout)
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
