// Package account knows people: who they are, how they prove it, what role they have.
package account

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/keys"
	"fairqueue/internal/mail"
)

// Identity is what a verified bearer token or session cookie says, without a look-up.
type Identity struct {
	AccountID uuid.UUID
	// Credential is the random id inside the token or cookie; its digest is what a revocation names.
	Credential [16]byte
	Issued     time.Time
	Expires    time.Time
	// Exempt marks an account of the load lab.
	Exempt bool
}

// Account is a person.
type Account struct {
	ID     uuid.UUID
	Email  string
	Name   string
	Exempt bool
	// Roles: always "fan", with "organizer" for a member of an organization.
	Roles []string
}

// Kind tells a bearer token from a session cookie; one is not accepted as the other.
type Kind byte

// The kinds of credentials.
const (
	Bearer  Kind = 'b'
	Session Kind = 's'
)

// Config is what a Service needs.
type Config struct {
	DB     db.Conn
	Keys   *keys.Ring
	Mail   *mail.Mailer
	Clock  *db.Clock
	Logger *slog.Logger
}

// Service is the one door to accounts.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// SendCode mails a one-time code of six digits, valid for CodeTTL, to an
// address, whether or not an account exists. Invalid addresses: 422.
func (s *Service) SendCode(ctx context.Context, email string) error { panic("not built") }

// CodeTTL is how long a one-time code works.
const CodeTTL = 10 * time.Minute

// Redeem exchanges a code for the account of the address, creating it if needed.
// 401 invalid_code; 429 too_many_attempts once five wrong tries ended the code.
func (s *Service) Redeem(ctx context.Context, email, code string) (Account, error) {
	panic("not built")
}

// Issue signs a new credential for an account.
func (s *Service) Issue(kind Kind, a Account, ttl time.Duration) (string, Identity) {
	panic("not built")
}

// Verify returns who a credential belongs to, from memory alone: signature,
// expiry, revocations. 401 unauthorized otherwise.
func (s *Service) Verify(kind Kind, credential string) (Identity, error) { panic("not built") }

// Get returns an account with its roles.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Account, error) { panic("not built") }

// Organization returns the organization of which the account is a member; 403
// not_organizer if none.
func (s *Service) Organization(ctx context.Context, accountID uuid.UUID) (uuid.UUID, error) {
	panic("not built")
}

// BecomeOrganizer makes the account owner of an organization of its own, if it
// is not a member of one already, and returns the organization.
func (s *Service) BecomeOrganizer(ctx context.Context, accountID uuid.UUID, name string) (uuid.UUID, error) {
	panic("not built")
}

// Ensure returns the account of an address, creating it if needed (operator's
// tool and demo: no code is asked for).
func (s *Service) Ensure(ctx context.Context, email, name string) (Account, error) {
	panic("not built")
}

// Fan is one account made in bulk.
type Fan struct {
	Account Account
	Token   string
	// Cookie is the value of the session cookie.
	Cookie string
}

// CreateFans makes n verified fans for the load lab and calls yield for each.
func (s *Service) CreateFans(ctx context.Context, n int, yield func(Fan) error) error {
	panic("not built")
}

// Revoke ends one credential before its time.
func (s *Service) Revoke(ctx context.Context, id Identity) error { panic("not built") }

// RefreshRevocations reads the revocation list; the application calls it each
// second and when the topic RevocationsTopic says so.
func (s *Service) RefreshRevocations(ctx context.Context) error { panic("not built") }

// RevocationsTopic is the live topic that announces a new revocation.
const RevocationsTopic = "revocations"
