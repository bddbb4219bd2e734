package claim

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/sale"
)

// codeLetters are 32 that nobody takes for each other: no 0 and O, no 1 and I.
const codeLetters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

var (
	errWrongCode = fault.New(fault.Invalid, "invalid_code", "This is no presale code of this event. Look at it again: every letter counts.")
	errCodeUsed  = fault.New(fault.Conflict, "code_used", "This code has been used already, as often as it may be.")
)

// makeCodes makes up codes of fifty random bits, as ABCDE-FGHJK.
func makeCodes(n int) []string {
	codes := make([]string, n)
	for i := range codes {
		var random [10]byte
		_, _ = rand.Read(random[:]) // never fails
		var b strings.Builder
		for k, r := range random {
			if k == 5 {
				b.WriteByte('-')
			}
			b.WriteByte(codeLetters[r%32])
		}
		codes[i] = b.String()
	}
	return codes
}

// plainCode is a code as it is compared: capital letters and digits. Spaces and dashes are what people write between them.
func plainCode(code string) (plain string, ok bool) {
	if len(code) > 200 {
		return "", false
	}
	var b strings.Builder
	for _, c := range strings.ToUpper(strings.TrimSpace(code)) {
		switch {
		case c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
			b.WriteRune(c)
		case c == ' ' || c == '-' || c == '–' || c == '_':
		default:
			return "", false
		}
	}
	return b.String(), b.Len() >= 6 && b.Len() <= 40
}

// tidyName is a name without space around it.
func tidyName(name string) string { return strings.TrimSpace(name) }

// codeMAC is what is kept of a code of an event.
func (s *Service) codeMAC(event uuid.UUID, code string) ([]byte, error) {
	if s.cfg.Keys == nil {
		return nil, errors.New("claim: no keys for presale codes")
	}
	plain, _ := plainCode(code)
	h := hmac.New(sha256.New, s.cfg.Keys.MAC("presale"))
	h.Write(event[:])
	h.Write([]byte(plain))
	return h.Sum(nil), nil
}

// Unlock gives a fan what a code opens; giving it again, or another one of the presale, changes nothing. A presale that
// is public by now needs no code and uses none up. 422 invalid_code, 409 code_used.
func (s *Service) Unlock(ctx context.Context, event *sale.Snapshot, account uuid.UUID, code string) (Presale, error) {
	if _, ok := plainCode(code); !ok {
		return Presale{}, errWrongCode
	}
	mac, err := s.codeMAC(event.ID(), code)
	if err != nil {
		return Presale{}, err
	}
	var p Presale
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		c, err := s.q.CodeOf(ctx, tx, account, event.ID(), mac)
		if db.NoRows(err) {
			return errWrongCode
		}
		if err != nil {
			return err
		}
		if !c.Unlocked && c.Running {
			if err := s.q.LockCode(ctx, tx, c.ID); err != nil {
				return err
			}
			nth, err := s.q.InsertUnlock(ctx, tx, account, c.ID)
			switch {
			case db.NoRows(err):
				// Used up, or the same fan was faster in another tab.
				if c, err = s.q.CodeOf(ctx, tx, account, event.ID(), mac); err != nil {
					return err
				}
				if !c.Unlocked {
					return errCodeUsed
				}
			case err != nil:
				return err
			default:
				// Not by whom: the ledger knows no people.
				body := map[string]any{"presale": c.PresaleID, "code": c.ID, "use": nth}
				if err := ledger.Write(ctx, tx, event.ID(), ledger.PresaleUnlocked, body); err != nil {
					return err
				}
			}
		}
		found, err := s.presales(ctx, tx, event.ID(), &c.PresaleID)
		if err == nil && len(found) == 1 {
			p = found[0]
		}
		return err
	})
	if err != nil {
		return Presale{}, db.Fault(fmt.Errorf("claim.Unlock: %w", err))
	}
	return p, nil
}

// UnlockedBy are the presales of an event that are open to the account and not public yet.
func (s *Service) UnlockedBy(ctx context.Context, event, account uuid.UUID) ([]Presale, error) {
	rows, err := s.q.UnlockedBy(ctx, s.cfg.DB, event, account)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("claim.UnlockedBy: %w", err))
	}
	out := make([]Presale, len(rows))
	for i, r := range rows {
		out[i] = Presale{ID: r.ID, Name: r.Name, TierID: idOf(r.TierID), Seats: int(r.Seats), PublicAt: r.PublicAt.UTC()}
	}
	return out, nil
}
