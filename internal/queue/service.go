package queue

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"sync"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/keys"
	"fairqueue/internal/sale"
)

// Config is what a Service needs.
type Config struct {
	DB    db.Conn
	Sales *sale.Service
	Keys  *keys.Ring
	Clock *db.Clock
	// Issuer is PUBLIC_URL, the iss of tokens.
	Issuer string
	Logger *slog.Logger
}

// Service is the one door to the line.
type Service struct {
	cfg    Config
	signer ed25519.PrivateKey
	keyID  string

	mu       sync.Mutex
	closed   bool
	batchers map[uuid.UUID]*batcher
	running  sync.WaitGroup // the batchers' goroutines
	stop     context.Context
	cancel   context.CancelFunc
}

// New returns a Service. Close must be called: joins are batched by goroutines.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg, signer: cfg.Keys.Signer("admission"), batchers: map[uuid.UUID]*batcher{}}
	key, _ := s.PublicKey()
	sum := sha256.Sum256(key)
	s.keyID = hex.EncodeToString(sum[:8])
	s.stop, s.cancel = context.WithCancel(context.Background())
	return s
}

// Close stops taking joins, finishes those begun, and returns; at the end of ctx it breaks them off.
func (s *Service) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { // ends with the batchers, which cancel ends
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		s.cancel()
		return nil
	case <-ctx.Done():
		s.cancel()
		<-done
		return ctx.Err()
	}
}

// PublicKey is the key that verifies admission tokens; KeyID is its kid in the JWKS.
func (s *Service) PublicKey() (key ed25519.PublicKey, keyID string) {
	return s.signer.Public().(ed25519.PublicKey), s.keyID
}
