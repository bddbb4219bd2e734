package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/db/accountdb"
	"fairqueue/internal/fault"
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

// Kind tells a bearer token from a session cookie; one is not accepted as the other.
type Kind byte

// The kinds of credentials.
const (
	Bearer  Kind = 'b'
	Session Kind = 's'
)

func (k Kind) prefix() string {
	if k == Bearer {
		return "fqt_"
	}
	return "fqs_"
}

// MaxTTL bounds how long a credential may last, as browsers bound cookies; a
// revocation is kept as long, whatever copies of the credential were renewed.
const MaxTTL = 400 * 24 * time.Hour

// The payload: version, kind, account id, credential id, issued and expires
// (unix seconds, big-endian), flags.
const (
	credentialVersion = 1
	payloadLen        = 1 + 1 + 16 + 16 + 8 + 8 + 1
	flagExempt        = 1
)

// Strict refuses a second spelling of the same bytes.
var b64 = base64.RawURLEncoding.Strict()

var (
	payloadText = b64.EncodedLen(payloadLen)
	macText     = b64.EncodedLen(sha256.Size)
)

// Issue signs a new credential for an account.
func (s *Service) Issue(kind Kind, a Account, ttl time.Duration) (string, Identity) {
	id := Identity{AccountID: a.ID, Exempt: a.Exempt}
	if _, err := rand.Read(id.Credential[:]); err != nil {
		panic("account: " + err.Error()) // crypto/rand never fails since Go 1.24
	}
	return s.Renew(kind, id, ttl)
}

// Renew signs the same credential again with a later end: whoever signs out of
// one copy signs out of all, and it stays as old as it is, so that it ends with
// everything else that an account had.
func (s *Service) Renew(kind Kind, id Identity, ttl time.Duration) (string, Identity) {
	now := s.cfg.Clock.Now().Truncate(time.Second)
	if id.Issued.IsZero() {
		id.Issued = now
	}
	id.Expires = now.Add(min(ttl, MaxTTL)).Truncate(time.Second)
	p := make([]byte, 0, payloadLen)
	p = append(p, credentialVersion, byte(kind))
	p = append(p, id.AccountID[:]...)
	p = append(p, id.Credential[:]...)
	p = binary.BigEndian.AppendUint64(p, uint64(id.Issued.Unix()))
	p = binary.BigEndian.AppendUint64(p, uint64(id.Expires.Unix()))
	var flags byte
	if id.Exempt {
		flags |= flagExempt
	}
	p = append(p, flags)
	return kind.prefix() + b64.EncodeToString(p) + "." + b64.EncodeToString(s.credentialMAC(p)), id
}

// credentialMAC is the MAC of a credential. The hashes are kept: making one
// costs as much as hashing, and every poll needs one.
func (s *Service) credentialMAC(payload []byte) []byte {
	m := s.macs.Get().(hash.Hash)
	defer s.macs.Put(m)
	m.Reset()
	m.Write(payload)
	return m.Sum(make([]byte, 0, sha256.Size))
}

var errUnauthorized = fault.New(fault.Unauthorized, "unauthorized", "Sign in first.")

// Verify returns who a credential belongs to, from memory alone: signature,
// expiry, revocations. 401 unauthorized otherwise.
func (s *Service) Verify(kind Kind, credential string) (Identity, error) {
	rest, ok := strings.CutPrefix(credential, kind.prefix())
	if !ok || len(rest) != payloadText+1+macText || rest[payloadText] != '.' {
		return Identity{}, errUnauthorized
	}
	var p [payloadLen]byte
	var mac [sha256.Size]byte
	if _, err := b64.Decode(p[:], []byte(rest[:payloadText])); err != nil {
		return Identity{}, errUnauthorized
	}
	if _, err := b64.Decode(mac[:], []byte(rest[payloadText+1:])); err != nil {
		return Identity{}, errUnauthorized
	}
	if !hmac.Equal(mac[:], s.credentialMAC(p[:])) {
		return Identity{}, errUnauthorized
	}
	if p[0] != credentialVersion || Kind(p[1]) != kind {
		return Identity{}, errUnauthorized
	}
	id := Identity{
		AccountID:  uuid.UUID(p[2:18]),
		Credential: [16]byte(p[18:34]),
		Issued:     time.Unix(int64(binary.BigEndian.Uint64(p[34:])), 0).UTC(),
		Expires:    time.Unix(int64(binary.BigEndian.Uint64(p[42:])), 0).UTC(),
		Exempt:     p[50]&flagExempt != 0,
	}
	if !s.cfg.Clock.Now().Before(id.Expires) {
		return Identity{}, fault.New(fault.Unauthorized, "unauthorized", "Your sign-in has ended. Sign in again: your place is kept.")
	}
	if s.revoked.Load().ended(id) {
		return Identity{}, errUnauthorized
	}
	return id, nil
}

// Stands reports, from memory, whether an identity that was verified before
// still counts: it has neither expired nor been revoked.
func (s *Service) Stands(id Identity) bool {
	return s.cfg.Clock.Now().Before(id.Expires) && !s.revoked.Load().ended(id)
}

// revocations is what may not wait for a credential's own expiry. It is
// replaced as a whole, never changed.
type revocations struct {
	credentials map[[sha256.Size]byte]struct{} // digests of credential ids
	accounts    map[uuid.UUID]time.Time        // everything issued up to then
}

func (r *revocations) ended(id Identity) bool {
	if len(r.credentials) > 0 {
		if _, ok := r.credentials[sha256.Sum256(id.Credential[:])]; ok {
			return true
		}
	}
	until, ok := r.accounts[id.AccountID]
	// Issued is cut to the second: within the same one the safe answer is no.
	return ok && !id.Issued.After(until)
}

const (
	// recentRevocations is longer than any transaction may stay open, so that
	// no row appears behind the window.
	recentRevocations = 2 * time.Minute
	fullRevocations   = 10 * time.Minute
)

// Revoke ends one credential, with every renewed copy, before its time.
func (s *Service) Revoke(ctx context.Context, id Identity) error {
	digest := sha256.Sum256(id.Credential[:])
	expires := s.cfg.Clock.Now().Add(MaxTTL)
	if err := s.q.RevokeCredential(ctx, s.cfg.DB, digest[:], expires); err != nil {
		return db.Fault(fmt.Errorf("account.Revoke: %w", err))
	}
	return s.afterRevoking(ctx)
}

// RevokeAccount ends everything that was issued to an account so far: a person
// who lost a device, or who was erased.
func (s *Service) RevokeAccount(ctx context.Context, accountID uuid.UUID) error {
	if err := s.q.RevokeAccount(ctx, s.cfg.DB, &accountID, MaxTTL.Seconds()); err != nil {
		return db.Fault(fmt.Errorf("account.RevokeAccount: %w", err))
	}
	return s.afterRevoking(ctx)
}

func (s *Service) afterRevoking(ctx context.Context) error {
	if err := s.q.SweepRevocations(ctx, s.cfg.DB); err != nil {
		s.cfg.Logger.WarnContext(ctx, "old revocations could not be removed", "error", err)
	}
	return s.RefreshRevocations(ctx)
}

// RefreshRevocations reads the revocation list; the application calls it each
// second. It reads what is new, and everything the first time and every ten
// minutes.
func (s *Service) RefreshRevocations(ctx context.Context) error {
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	full := s.lastFullRun.IsZero() || time.Since(s.lastFullRun) > fullRevocations
	var since *float64
	if !full {
		recent := recentRevocations.Seconds()
		since = &recent
	}
	rows, err := s.q.Revocations(ctx, s.cfg.DB, since)
	if err != nil {
		return db.Fault(fmt.Errorf("account.RefreshRevocations: %w", err))
	}
	old, next := s.revoked.Load(), &revocations{}
	if !full {
		if !old.misses(rows) {
			return nil
		}
		next.credentials, next.accounts = maps.Clone(old.credentials), maps.Clone(old.accounts)
	}
	if next.credentials == nil {
		next.credentials = make(map[[sha256.Size]byte]struct{}, len(rows))
	}
	if next.accounts == nil {
		next.accounts = make(map[uuid.UUID]time.Time)
	}
	for _, r := range rows {
		if r.AccountID != nil {
			if r.RevokedAt.After(next.accounts[*r.AccountID]) {
				next.accounts[*r.AccountID] = r.RevokedAt
			}
			continue
		}
		if len(r.Credential) == sha256.Size {
			next.credentials[[sha256.Size]byte(r.Credential)] = struct{}{}
		}
	}
	s.revoked.Store(next)
	if full {
		s.lastFullRun = time.Now()
	}
	return nil
}

// misses reports whether rows hold anything that r does not.
func (r *revocations) misses(rows []accountdb.RevocationsRow) bool {
	for _, row := range rows {
		if row.AccountID != nil {
			if row.RevokedAt.After(r.accounts[*row.AccountID]) {
				return true
			}
			continue
		}
		if len(row.Credential) != sha256.Size {
			continue
		}
		if _, ok := r.credentials[[sha256.Size]byte(row.Credential)]; !ok {
			return true
		}
	}
	return false
}

// CookieName is the name of the session cookie of a site: with the prefix by
// which browsers pin it to the host where the site is served over TLS.
func CookieName(baseURL string) string {
	if strings.HasPrefix(baseURL, "https://") {
		return "__Host-fq_session"
	}
	return "fq_session"
}
