package claim

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

// Change swaps what a claim holds for what r asks for, in one step: the claim keeps its id and its time, or stays as it
// was. Refused as Hold would; 409 claim_expired, payment_pending.
func (s *Service) Change(context.Context, *sale.Snapshot, uuid.UUID, uuid.UUID, Request) (Claim, error) {
	return Claim{}, errors.New("claim.Change: not built")
}
