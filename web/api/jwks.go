package api

import (
	"encoding/base64"
	"net/http"
)

type jwkSet struct {
	Keys []jwk `json:"keys" nullable:"false"`
}

// jwk is an Ed25519 key as RFC 8037 writes it.
type jwk struct {
	Kty string `json:"kty" enum:"OKP"`
	Crv string `json:"crv" enum:"Ed25519"`
	Use string `json:"use" enum:"sig"`
	Alg string `json:"alg" enum:"EdDSA"`
	Kid string `json:"kid"`
	X   string `json:"x" doc:"The public key, base64url."`
}

// jwks publishes the keys that verify admission tokens.
func (a *API) jwks() {
	rt := route{
		id: "get-keys", method: http.MethodGet, path: "/.well-known/jwks.json", tag: tagQueue,
		summary: "Public keys", doc: "They verify admission tokens without calling home.", ok: []int{http.StatusOK},
	}
	add(a, rt, func(r *request) (*reply[jwkSet], error) {
		key, id := a.Queue.PublicKey()
		r.Response().Header().Set("Cache-Control", "public, max-age=300")
		return ok(jwkSet{Keys: []jwk{{
			Kty: "OKP", Crv: "Ed25519", Use: "sig", Alg: "EdDSA", Kid: id, X: base64.RawURLEncoding.EncodeToString(key),
		}}})
	})
}
