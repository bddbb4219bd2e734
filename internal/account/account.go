package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/accountdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/keys"
	post "fairqueue/internal/mail"
)

// Account is a person.
type Account struct {
	ID     uuid.UUID
	Email  string
	Name   string
	Exempt bool
	// Roles: always "fan", with "organizer" for a member of an organization.
	Roles []string
}

// Config is what a Service needs.
type Config struct {
	DB     db.Conn
	Keys   *keys.Ring
	Mail   *post.Mailer
	Clock  *db.Clock
	Logger *slog.Logger
}

// Service is the one door to accounts.
type Service struct {
	cfg     Config
	q       *accountdb.Queries
	codeKey []byte
	macs    sync.Pool // HMACs with the key of credentials

	revoked     atomic.Pointer[revocations]
	refreshing  sync.Mutex // one RefreshRevocations at a time
	lastFullRun time.Time
}

// New returns a Service.
func New(cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = &db.Clock{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg, q: accountdb.New()}
	var credentialKey []byte
	if cfg.Keys != nil {
		s.codeKey = cfg.Keys.MAC("code")
		credentialKey = cfg.Keys.MAC("credential")
	}
	s.macs.New = func() any { return hmac.New(sha256.New, credentialKey) }
	s.revoked.Store(&revocations{})
	return s
}

const maxEmail = 254 // RFC 5321: a path of 256 with its angle brackets

// NormalizeEmail returns an address as it is stored: trimmed and in lower
// case. Internationalised domains stay as given. 422 invalid_request for what
// is no bare address.
func NormalizeEmail(email string) (string, error) {
	bad := fault.InvalidField(fault.Field{Path: "email", Message: "Enter an e-mail address like ada@example.com."})
	if len(email) > 4*maxEmail || !utf8.ValidString(email) {
		return "", bad
	}
	email = strings.ToLower(strings.TrimSpace(email))
	if len(email) < 3 || len(email) > maxEmail {
		return "", bad
	}
	for _, r := range email {
		// Format characters are as invisible as control characters and would
		// make two accounts that look the same.
		if unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return "", bad
		}
	}
	a, err := mail.ParseAddress(email)
	if err != nil || a.Name != "" || a.Address != email {
		return "", bad
	}
	return email, nil
}

func errNotFound(err error) error {
	return fault.Wrap(err, fault.NotFound, "account_not_found", "This account does not exist.")
}

// Get returns an account with its roles; 404 account_not_found.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Account, error) {
	row, err := s.q.AccountByID(ctx, s.cfg.DB, id)
	if db.NoRows(err) {
		return Account{}, errNotFound(err)
	}
	if err != nil {
		return Account{}, db.Fault(fmt.Errorf("account.Get: %w", err))
	}
	return found(accountdb.AccountByEmailRow(row)), nil
}

// Ensure returns the account of an address, creating it if needed (operator's
// tool and demo: no code is asked for). A name is kept only by an account that
// has none.
func (s *Service) Ensure(ctx context.Context, email, name string) (Account, error) {
	email, err := NormalizeEmail(email)
	if err != nil {
		return Account{}, err
	}
	var a Account
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) (err error) {
		a, err = s.ensure(ctx, tx, email, name)
		return err
	})
	if err != nil {
		return Account{}, fmt.Errorf("account.Ensure: %w", err)
	}
	return a, nil
}

func (s *Service) ensure(ctx context.Context, tx pgx.Tx, email, name string) (Account, error) {
	name = tidyName(name)
	row, err := s.q.AccountByEmail(ctx, tx, email)
	if db.NoRows(err) {
		if err := s.q.AddAccount(ctx, tx, uuid.Must(uuid.NewV7()), email, name); err != nil {
			return Account{}, err
		}
		// Somebody else may have been first; a statement of its own sees theirs.
		row, err = s.q.AccountByEmail(ctx, tx, email)
	}
	if err != nil {
		return Account{}, err
	}
	if row.Name == "" && name != "" {
		if err := s.q.NameAccount(ctx, tx, name, row.ID); err != nil {
			return Account{}, err
		}
		row.Name = name
	}
	return found(row), nil
}

// Rename gives an account the name that its owner has written.
func (s *Service) Rename(ctx context.Context, id uuid.UUID, name string) (Account, error) {
	if name = tidyName(name); name != "" {
		if _, err := s.q.RenameAccount(ctx, s.cfg.DB, name, id); err != nil {
			return Account{}, db.Fault(fmt.Errorf("account.Rename: %w", err))
		}
	}
	return s.Get(ctx, id)
}

func found(row accountdb.AccountByEmailRow) Account {
	a := Account{ID: row.ID, Email: row.Email, Name: row.Name, Exempt: row.Exempt, Roles: []string{"fan"}}
	if row.Organizer {
		a.Roles = append(a.Roles, "organizer")
	}
	return a
}

// tidyName drops what no name has and what the column does not take.
func tidyName(name string) string {
	name = strings.ToValidUTF8(name, "")
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, name))
	if r := []rune(name); len(r) > 200 {
		name = string(r[:200])
	}
	return name
}

var errNotOrganizer = fault.New(fault.Forbidden, "not_organizer",
	"This page is for organizers. Sign in with the account of an organizer.")

// Organization returns the organization of which the account is a member; 403
// not_organizer if none.
func (s *Service) Organization(ctx context.Context, accountID uuid.UUID) (uuid.UUID, error) {
	id, err := s.q.OrganizationOf(ctx, s.cfg.DB, accountID)
	if db.NoRows(err) {
		return uuid.Nil, errNotOrganizer
	}
	if err != nil {
		return uuid.Nil, db.Fault(fmt.Errorf("account.Organization: %w", err))
	}
	return id, nil
}

// OrganizationName is how an organization calls itself; empty if there is none.
func (s *Service) OrganizationName(ctx context.Context, organization uuid.UUID) (string, error) {
	name, err := s.q.OrganizationName(ctx, s.cfg.DB, organization)
	if err != nil && !db.NoRows(err) {
		return "", db.Fault(fmt.Errorf("account.OrganizationName: %w", err))
	}
	return name, nil
}

// BecomeOrganizer makes the account owner of an organization of its own, if it
// is not a member of one already, and returns the organization. Without a name
// the organization is named after the person. 404 account_not_found.
func (s *Service) BecomeOrganizer(ctx context.Context, accountID uuid.UUID, name string) (uuid.UUID, error) {
	var org uuid.UUID
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		who, err := s.q.LockAccount(ctx, tx, accountID)
		if err != nil {
			return err
		}
		org, err = s.q.OrganizationOf(ctx, tx, accountID)
		if !db.NoRows(err) {
			return err
		}
		org = uuid.New()
		local, _, _ := strings.Cut(who.Email, "@")
		for _, n := range []string{name, who.Name, local} {
			if name = tidyName(n); name != "" {
				break
			}
		}
		if err := s.q.AddOrganization(ctx, tx, org, name); err != nil {
			return err
		}
		return s.q.AddMember(ctx, tx, org, accountID)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, errNotFound(err)
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("account.BecomeOrganizer: %w", err)
	}
	return org, nil
}
