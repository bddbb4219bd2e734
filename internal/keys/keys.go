package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// MinSecret is the least number of bytes of a secret.
const MinSecret = 16

// Ring hands out keys by label.
type Ring struct{ root []byte }

// New returns the ring of a secret; fewer than MinSecret bytes are refused.
func New(secret string) (*Ring, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("FAIRQUEUE_SECRET has %d bytes, at least %d are needed; make one with: openssl rand -hex 32",
			len(secret), MinSecret)
	}
	root, err := hkdf.Extract(sha256.New, []byte(secret), []byte("fairqueue/v1"))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return &Ring{root: root}, nil
}

// MAC returns the 32-byte HMAC key of a label.
func (r *Ring) MAC(label string) []byte { return r.key("mac", label) }

// Signer returns the Ed25519 key of a label.
func (r *Ring) Signer(label string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(r.key("sign", label))
}

// Sealer returns the AEAD of a label: AES-256-GCM that makes its own random
// nonce and carries it in the ciphertext, so the nonce argument is empty and
// cannot be used twice. Good for 2³² messages a label.
func (r *Ring) Sealer(label string) cipher.AEAD {
	block, err := aes.NewCipher(r.key("seal", label))
	if err != nil {
		panic("keys: " + err.Error()) // only a key of the wrong length does that
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("keys: " + err.Error())
	}
	return aead
}

func (r *Ring) key(use, label string) []byte {
	k, err := hkdf.Expand(sha256.New, r.root, "fairqueue/v1/"+use+"/"+label, 32)
	if err != nil {
		panic("keys: " + err.Error()) // only a length above 255 hashes does that
	}
	return k
}
