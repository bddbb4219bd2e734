package api

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/account"
)

// tokenTTL is how long a bearer token works.
const tokenTTL = 30 * 24 * time.Hour

type newCode struct {
	Email string `json:"email" format:"email" minLength:"3" maxLength:"254" example:"ada@example.com"`
}

type codeSent struct {
	ExpiresIn int `json:"expires_in" doc:"Seconds until the code ends." example:"600"`
}

type newToken struct {
	Email string `json:"email" format:"email" minLength:"3" maxLength:"254" example:"ada@example.com"`
	Code  string `json:"code" minLength:"1" maxLength:"32" doc:"The six digits of the e-mail." example:"204816"`
}

type token struct {
	Token     string     `json:"token"`
	TokenType string     `json:"token_type" enum:"Bearer"`
	ExpiresIn int        `json:"expires_in" doc:"Seconds until the token ends." example:"2592000"`
	Account   accountOut `json:"account"`
}

type accountOut struct {
	ID    uuid.UUID `json:"id" format:"uuid"`
	Email string    `json:"email"`
	Roles []string  `json:"roles" nullable:"false" enum:"fan,organizer"`
}

func (a *API) signIn() {
	add(a, route{
		id: "send-code", method: http.MethodPost, path: prefix + "/auth/code", tag: tagSignIn,
		summary: "Send a one-time code",
		doc:     "Mails six digits that work for ten minutes. The answer is the same whether or not the account exists.",
		body:    newCode{}, ok: []int{http.StatusAccepted}, codes: []string{"too_many_requests"},
	}, func(r *request) (*reply[codeSent], error) {
		in, err := decode[newCode](r)
		if err != nil {
			return nil, err
		}
		if err := a.Guard.Code(r.ctx(), r.RealIP()); err != nil {
			return nil, err
		}
		if err := a.Accounts.SendCode(r.ctx(), in.Email); err != nil {
			return nil, err
		}
		return &reply[codeSent]{http.StatusAccepted, codeSent{int(account.CodeTTL.Seconds())}}, nil
	})

	add(a, route{
		id: "get-token", method: http.MethodPost, path: prefix + "/auth/token", tag: tagSignIn,
		summary: "Exchange a code for a token",
		doc:     "The first sign-in creates the account. Five wrong tries end the code.",
		body:    newToken{}, ok: []int{http.StatusOK}, codes: []string{"invalid_code", "too_many_attempts", "too_many_requests"},
	}, func(r *request) (*reply[token], error) {
		in, err := decode[newToken](r)
		if err != nil {
			return nil, err
		}
		if err := a.Guard.Token(r.ctx(), r.RealIP()); err != nil {
			return nil, err
		}
		acct, err := a.Accounts.Redeem(r.ctx(), in.Email, in.Code)
		if err != nil {
			return nil, err
		}
		text, _ := a.Accounts.Issue(account.Bearer, acct, tokenTTL)
		return ok(token{
			Token: text, TokenType: "Bearer", ExpiresIn: int(tokenTTL.Seconds()),
			Account: accountOut{acct.ID, acct.Email, acct.Roles},
		})
	})
}
