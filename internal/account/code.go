package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/fault"
	post "fairqueue/internal/mail"
)

const (
	// CodeTTL is how long a one-time code works.
	CodeTTL = 10 * time.Minute
	// MaxTries is how many wrong tries end a code.
	MaxTries = 5
	// MaxCodes is how many codes an address gets in CodeTTL without redeeming one.
	MaxCodes = 5
)

var (
	errInvalidCode = fault.New(fault.Unauthorized, "invalid_code",
		"This code is not right. Use the newest code in your mail, or ask for a new one.")
	// A new code may be asked for at once.
	errTooManyTries = fault.New(fault.TooMany, "too_many_attempts",
		"There were too many wrong tries, so this code has ended. Ask for a new code.").After(time.Second)
)

// SendCode mails a one-time code of six digits, valid for CodeTTL, to an
// address, whether or not an account exists. Invalid addresses: 422.
func (s *Service) SendCode(ctx context.Context, email string) error {
	email, err := NormalizeEmail(email)
	if err != nil {
		return err
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return fmt.Errorf("account.SendCode: %w", err)
	}
	code := fmt.Sprintf("%06d", n.Int64())
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		if err := s.q.LockEmail(ctx, tx, email); err != nil {
			return err
		}
		sent, err := s.q.CountCodes(ctx, tx, email, CodeTTL.Seconds())
		if err != nil {
			return err
		}
		if sent >= MaxCodes {
			return nil // no further mail, and nobody learns of it: the newest code still works
		}
		if err := s.q.SweepCodes(ctx, tx); err != nil {
			return err
		}
		id := uuid.Must(uuid.NewV7())
		if err := s.q.AddCode(ctx, tx, id, email, s.codeMAC(email, id, code), CodeTTL.Seconds()); err != nil {
			return err
		}
		return s.cfg.Mail.Enqueue(ctx, tx, post.Message{
			To:      email,
			Subject: "Your FairQueue sign-in code",
			Text:    codeText(code),
			Urgent:  true,
			Expires: s.cfg.Clock.Now().Add(CodeTTL),
		})
	})
	if err != nil {
		return fmt.Errorf("account.SendCode: %w", err)
	}
	return nil
}

func codeText(code string) string {
	return code + ` is your FairQueue sign-in code.

What happens next: type it on the page where you asked for it, and you are
signed in. It works once, within 10 minutes, and only the newest code counts.

You did not ask for it? Then do nothing. Nobody gets into your account without
this code, and we never ask for it by phone or message.
`
}

// Redeem exchanges a code for the account of the address, creating it if needed.
// 401 invalid_code; 429 too_many_attempts once five wrong tries ended the code.
func (s *Service) Redeem(ctx context.Context, email, code string) (Account, error) {
	email, err := NormalizeEmail(email)
	if err != nil {
		return Account{}, err
	}
	// People copy "123 456" and type "123-456".
	code = strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(code))

	newest, err := s.q.NewestCode(ctx, s.cfg.DB, email)
	if db.NoRows(err) {
		return Account{}, errInvalidCode
	}
	if err != nil {
		return Account{}, db.Fault(fmt.Errorf("account.Redeem: %w", err))
	}
	if !newest.Alive {
		return Account{}, errInvalidCode
	}
	counted, err := s.q.CountTry(ctx, s.cfg.DB, newest.ID, MaxTries)
	if err != nil {
		return Account{}, db.Fault(fmt.Errorf("account.Redeem: %w", err))
	}
	if counted == 0 {
		return Account{}, s.whyNot(ctx, email)
	}
	if !hmac.Equal(newest.Mac, s.codeMAC(email, newest.ID, code)) {
		return Account{}, errInvalidCode
	}
	var a Account
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		used, err := s.q.UseCode(ctx, tx, newest.ID)
		if err != nil {
			return err
		}
		if used == 0 {
			return errInvalidCode // the same code a moment ago
		}
		a, err = s.ensure(ctx, tx, email, "")
		return err
	})
	if err != nil {
		return Account{}, fmt.Errorf("account.Redeem: %w", err)
	}
	return a, nil
}

// whyNot tells a code that wrong tries ended from one that was used or expired
// while we were looking.
func (s *Service) whyNot(ctx context.Context, email string) error {
	newest, err := s.q.NewestCode(ctx, s.cfg.DB, email)
	switch {
	case err != nil && !db.NoRows(err):
		return db.Fault(fmt.Errorf("account.Redeem: %w", err))
	case err == nil && newest.Alive && newest.Tries >= MaxTries:
		return errTooManyTries
	}
	return errInvalidCode
}

// codeMAC binds a code to its address and its row: the zero byte cannot occur
// in an address, the id has a fixed length.
func (s *Service) codeMAC(email string, id uuid.UUID, code string) []byte {
	m := hmac.New(sha256.New, s.codeKey)
	m.Write([]byte(email))
	m.Write([]byte{0})
	m.Write(id[:])
	m.Write([]byte(code))
	return m.Sum(nil)
}
