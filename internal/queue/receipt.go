package queue

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

// Receipt is a compact JWS (EdDSA) that says where the account stands: event, spot, arrival, joined_at, and the
// commitment of the draw, null if there is none; 404 not_in_queue. It names no account and has no end, so it is no
// admission: CheckToken wants both.
func (s *Service) Receipt(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (string, error) {
	spot, err := s.SpotOf(ctx, event, account)
	if err != nil {
		return "", err
	}
	var commitment any
	if event.Draw != nil {
		commitment = hex.EncodeToString(event.Draw.Commitment[:])
	}
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": s.cfg.Issuer, "event": event.ID(), "spot": spot.ID, "arrival": spot.Arrival,
		"joined_at": spot.JoinedAt.UTC().Format(time.RFC3339Nano), "commitment": commitment, "iat": s.cfg.Clock.Now().Unix(),
	})
	t.Header["kid"] = s.keyID
	signed, err := t.SignedString(s.signer)
	if err != nil {
		return "", fmt.Errorf("queue.Receipt: %w", err)
	}
	return signed, nil
}
