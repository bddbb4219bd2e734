// Package keys knows every key of the installation, each derived from
// FAIRQUEUE_SECRET by HKDF with a label of its own.
package keys

import (
	"crypto/cipher"
	"crypto/ed25519"
)

// Ring hands out keys by label.
type Ring struct{ root []byte }

// New returns the ring of a secret; fewer than 16 bytes are refused.
func New(secret string) (*Ring, error) { panic("not built") }

// MAC returns the 32-byte HMAC key of a label.
func (r *Ring) MAC(label string) []byte { panic("not built") }

// Signer returns the Ed25519 key of a label.
func (r *Ring) Signer(label string) ed25519.PrivateKey { panic("not built") }

// Sealer returns the AEAD of a label.
func (r *Ring) Sealer(label string) cipher.AEAD { panic("not built") }
