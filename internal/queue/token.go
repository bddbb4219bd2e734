package queue

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/fault"
)

// claims are what an admission token says (CONTRACT.md section 4).
type claims struct {
	Event  uuid.UUID `json:"event"`
	Spot   uuid.UUID `json:"spot"`
	Number int64     `json:"number"`
	jwt.RegisteredClaims
}

func notAdmitted() *fault.Error {
	return fault.New(fault.Forbidden, "not_admitted", "It is not your turn. Your place in the line shows when it is.")
}

func admissionExpired() *fault.Error {
	return fault.New(fault.Forbidden, "admission_expired", "Your turn is over. Go back to the waiting room: you may be able to ask for another one.")
}

// admission is the right to claim of a fan who is called or inside. The token is the same each time in one turn:
// it is worth its exp, the end of the turn plus the visit, and nothing in it changes but for a pause.
func (s *Service) admission(event, account uuid.UUID, p queuedb.PlaceRow, v View) (*Admission, error) {
	visit := time.Duration(p.VisitSeconds) * time.Second
	paused := time.Duration(0)
	if p.PausedAt != nil {
		paused = p.At.Sub(*p.PausedAt)
	}
	// At is line time plus all pauses. The one that still runs counts in whole
	// visits, so that the token does not change with each look.
	shift := p.At.Sub(p.LineAt) - paused
	if paused > 0 {
		shift += paused.Truncate(visit) + visit
	}
	exp := p.TurnEndsAt.Add(shift + visit)
	expires := real(p, *p.TurnEndsAt)
	if v.Status == Inside {
		expires = real(p, *p.VisitEndsAt)
		if p.ClaimExpiresAt != nil && p.ClaimExpiresAt.After(expires) {
			expires = *p.ClaimExpiresAt
		}
		if at := p.VisitEndsAt.Add(shift); at.After(exp) {
			exp = at
		}
	}
	c := claims{Event: event, Spot: p.ID, RegisteredClaims: jwt.RegisteredClaims{
		Issuer: s.cfg.Issuer, Subject: account.String(),
		IssuedAt: jwt.NewNumericDate(*p.CalledAt), ExpiresAt: jwt.NewNumericDate(exp.Add(time.Second)),
	}}
	if v.Number != nil {
		c.Number = *v.Number
	}
	known, ok := s.tokens.GetIfPresent(spotKey{event, account})
	if ok && known.says(&c) {
		return &Admission{Token: known.token, ExpiresAt: expires.UTC()}, nil
	}
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	t.Header["kid"] = s.keyID
	signed, err := t.SignedString(s.signer)
	if err != nil {
		return nil, fmt.Errorf("queue: sign an admission: %w", err)
	}
	s.tokens.Set(spotKey{event, account}, goodToken{signed, c})
	return &Admission{Token: signed, ExpiresAt: expires.UTC()}, nil
}

// goodToken is a token that this process has signed, and what it says. A fan asks for their place again and
// again in a turn, and then claims: without it, signing is half of such a poll and verifying half of a claim's work here.
type goodToken struct {
	token string
	claims
}

// maxTokens bounds them, at about 600 bytes each.
const maxTokens = 1 << 15

// says reports whether a token that says c would be this one.
func (t *goodToken) says(c *claims) bool {
	return t.Spot == c.Spot && t.Number == c.Number && t.IssuedAt != nil && t.IssuedAt.Equal(c.IssuedAt.Time) && t.ExpiresAt.Equal(c.ExpiresAt.Time)
}

// is reports whether a token is this one.
func (t *goodToken) is(token string) bool {
	return subtle.ConstantTimeCompare([]byte(t.token), []byte(token)) == 1
}

// CheckToken verifies an admission token against account and event without the database: 403 not_admitted (forged,
// foreign), admission_expired. It returns the spot's id.
func (s *Service) CheckToken(token string, event, account uuid.UUID) (spot uuid.UUID, err error) {
	known, ok := s.tokens.GetIfPresent(spotKey{event, account})
	if !ok || !known.is(token) {
		known = goodToken{token: token}
		_, err = jwt.ParseWithClaims(token, &known.claims,
			func(*jwt.Token) (any, error) { return s.signer.Public(), nil },
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithoutClaimsValidation(), jwt.WithStrictDecoding())
		if err != nil {
			return uuid.Nil, notAdmitted().Because(err)
		}
		// iss is for others: a process with another PUBLIC_URL has the same key and the same line.
		if known.Event != event || known.Subject != account.String() || known.Spot == uuid.Nil || known.ExpiresAt == nil {
			return uuid.Nil, notAdmitted().Because(errors.New("the token is for another fan or event"))
		}
	}
	if !s.cfg.Clock.Now().Before(known.ExpiresAt.Time) {
		return uuid.Nil, admissionExpired()
	}
	return known.Spot, nil
}
