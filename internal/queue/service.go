package queue

import (
	"context"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/maypok86/otter/v2"
	"github.com/riverqueue/river"

	"fairqueue/internal/db"
	"fairqueue/internal/keys"
	"fairqueue/internal/mail"
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
	// Mail and Jobs send letters to those who asked for them; without both there are none.
	Mail *mail.Mailer
	Jobs *river.Client[pgx.Tx]
	// Now is the clock by which fans are watched; nil: time.Now.
	Now func() time.Time
}

// Service is the one door to the line.
type Service struct {
	cfg    Config
	signer ed25519.PrivateKey
	sealer cipher.AEAD // of the secrets of draws
	keyID  string

	orders orders
	lines  lines
	spots  *otter.Cache[spotKey, Spot]
	tokens *otter.Cache[spotKey, goodToken]
	seals  sync.Pool // HMACs with the key of signed spots
	trees  trees

	presence presence
	led      led
	// began is where the service counts from: a clock that nobody sets.
	began time.Time

	mu       sync.Mutex
	closed   bool
	batchers map[uuid.UUID]*batcher
	beliefs  map[uuid.UUID]belief
	backlog  int            // how many wait before each at most
	running  sync.WaitGroup // the batchers' goroutines, and those that make tables
	stop     context.Context
	cancel   context.CancelFunc
}

// New returns a Service. Close must be called: joins are batched by goroutines.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg, signer: cfg.Keys.Signer("admission"), sealer: cfg.Keys.Sealer("draw"), batchers: map[uuid.UUID]*batcher{}, beliefs: map[uuid.UUID]belief{}, backlog: maxBacklog,
		spots:  otter.Must(&otter.Options[spotKey, Spot]{MaximumSize: maxSpots, Executor: func(tidy func()) { tidy() }}),
		tokens: otter.Must(&otter.Options[spotKey, goodToken]{MaximumSize: maxTokens, Executor: func(tidy func()) { tidy() }})}
	s.presence.replica, s.presence.start, s.began = uuid.New(), s.now(), time.Now()
	sealKey := cfg.Keys.MAC("spot")
	s.seals.New = func() any { return hmac.New(sha256.New, sealKey) }
	key, _ := s.PublicKey()
	sum := sha256.Sum256(key)
	s.keyID = hex.EncodeToString(sum[:8])
	s.stop, s.cancel = context.WithCancel(context.Background())
	return s
}

func (s *Service) now() time.Time {
	if s.cfg.Now != nil {
		return s.cfg.Now()
	}
	return time.Now()
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
