package keys_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"strings"
	"testing"

	"fairqueue/internal/keys"
)

const secret = "a secret that only this test knows"

func ring(t *testing.T, secret string) *keys.Ring {
	t.Helper()
	r, err := keys.New(secret)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A change of these bytes signs everybody out and voids the codes of all tickets.
func TestKeysStayWhatTheyAre(t *testing.T) {
	t.Parallel()
	r := ring(t, secret)
	for _, c := range []struct{ name, got, want string }{
		{"mac credential", hex.EncodeToString(r.MAC("credential")), "59caa8666a6b9b0e0c959c7430131a15a2d48c0719ac19cbe3195063c242b1c2"},
		{"mac code", hex.EncodeToString(r.MAC("code")), "3c8e55427c9b87bdf492c982c9a9ac9deb3a5218629f0aad700f7b13e8e8c1dc"},
		{"signer ticket", hex.EncodeToString(r.Signer("ticket").Public().(ed25519.PublicKey)), "e7bf5b5417efcc58aa23460e7b1d549e7a6756e78a5d5d2f3aa20d0353a298e8"},
		{"signer admission", hex.EncodeToString(r.Signer("admission").Public().(ed25519.PublicKey)), "d87185b747c5b15e380049ce8072176bb2fdd4de7d03276016fc23f10ab51d89"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, c.got, c.want)
		}
	}
	sealed, err := hex.DecodeString("2452e0e23c9674d5d151173d2d48ac0983ad752fc8be870b58f986d9b0128ffe75")
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.Sealer("mail").Open(nil, nil, sealed, []byte("ad"))
	if err != nil || string(text) != "hello" {
		t.Errorf("what was sealed before cannot be opened: %q, %v", text, err)
	}
}

func TestEveryLabelUseAndSecretHasItsOwnKey(t *testing.T) {
	t.Parallel()
	a, b := ring(t, secret), ring(t, secret+"!")
	seen := map[string]string{}
	for name, k := range map[string][]byte{
		"mac x": a.MAC("x"), "mac y": a.MAC("y"), "mac of another secret": b.MAC("x"),
		"seed x": a.Signer("x").Seed(), "seed y": a.Signer("y").Seed(), "empty label": a.MAC(""),
	} {
		if len(k) != 32 {
			t.Errorf("%s: %d bytes", name, len(k))
		}
		if other, ok := seen[string(k)]; ok {
			t.Errorf("%s and %s are the same key", name, other)
		}
		seen[string(k)] = name
	}
}

func TestSealerKeepsSecretsAndNoticesChanges(t *testing.T) {
	t.Parallel()
	s := ring(t, secret).Sealer("mail")
	one, two := s.Seal(nil, nil, []byte("code 123456"), nil), s.Seal(nil, nil, []byte("code 123456"), nil)
	if bytes.Equal(one, two) {
		t.Error("the same nonce was used twice")
	}
	if bytes.Contains(one, []byte("123456")) {
		t.Error("the text is readable")
	}
	for i := range one {
		bad := bytes.Clone(one)
		bad[i] ^= 1
		if _, err := s.Open(nil, nil, bad, nil); err == nil {
			t.Fatalf("a changed byte %d was not noticed", i)
		}
	}
	if _, err := ring(t, secret).Sealer("other").Open(nil, nil, one, nil); err == nil {
		t.Error("another label opens it")
	}
	if _, err := s.Open(nil, nil, nil, nil); err == nil {
		t.Error("nothing opens")
	}
}

func TestShortSecretsAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "short", strings.Repeat("x", keys.MinSecret-1)} {
		if _, err := keys.New(s); err == nil || strings.Contains(err.Error(), "xx") {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, err := keys.New(strings.Repeat("x", keys.MinSecret)); err != nil {
		t.Error(err)
	}
}
