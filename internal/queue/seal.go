package queue

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"time"

	"github.com/google/uuid"
)

// A signed spot: version, event, spot, account, arrival, joined (unix
// microseconds), digest of the holder, wishes; then the MAC. It says nothing
// that changes but the wishes, so that it is never out of date.
const (
	sealVersion = 1
	holderLen   = 16
	sealFixed   = 1 + 16 + 16 + 16 + 8 + 8 + holderLen + 1
	maxSealed   = sealFixed + maxSealTiers + sha256.Size
	// maxSealTiers is how many wanted tiers a signed spot names; one with more
	// names none, and means any.
	maxSealTiers = 64
	flagMail     = 1
)

// Strict refuses a second spelling of the same bytes.
var sealText = base64.RawURLEncoding.Strict()

// SignSpot returns a spot as text that VerifySpot believes, for one holder: the id of the session it was given with.
func (s *Service) SignSpot(spot Spot, holder [16]byte) string {
	b := make([]byte, 0, maxSealed)
	b = append(b, sealVersion)
	b = append(b, spot.Event[:]...)
	b = append(b, spot.ID[:]...)
	b = append(b, spot.Account[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(spot.Arrival))              //nolint:gosec // the bits are what counts
	b = binary.BigEndian.AppendUint64(b, uint64(spot.JoinedAt.UnixMicro())) //nolint:gosec // the bits are what counts
	held := sha256.Sum256(holder[:])
	b = append(b, held[:holderLen]...)
	var flags byte
	if spot.Wish.Mail {
		flags |= flagMail
	}
	b = append(b, flags)
	if len(spot.Wish.Tiers) <= maxSealTiers {
		for _, ordinal := range spot.Wish.Tiers {
			b = append(b, byte(ordinal)) //nolint:gosec // a sale has fewer tiers
		}
	}
	b = append(b, s.sealMAC(b)...)
	return sealText.EncodeToString(b)
}

// VerifySpot returns the spot in a text of SignSpot; false unless it was signed for this event, account and holder.
func (s *Service) VerifySpot(text string, event, account uuid.UUID, holder [16]byte) (Spot, bool) {
	var buf [maxSealed]byte
	n := sealText.DecodedLen(len(text))
	if n < sealFixed+sha256.Size || n > maxSealed {
		return Spot{}, false
	}
	if _, err := sealText.Decode(buf[:n], []byte(text)); err != nil {
		return Spot{}, false
	}
	b, mac := buf[:n-sha256.Size], buf[n-sha256.Size:n]
	if !hmac.Equal(mac, s.sealMAC(b)) || b[0] != sealVersion {
		return Spot{}, false
	}
	held := sha256.Sum256(holder[:])
	spot := Spot{Event: uuid.UUID(b[1:17]), ID: uuid.UUID(b[17:33]), Account: uuid.UUID(b[33:49])}
	if spot.Event != event || spot.Account != account || !hmac.Equal(b[65:65+holderLen], held[:holderLen]) {
		return Spot{}, false
	}
	spot.Arrival = int64(binary.BigEndian.Uint64(b[49:]))                        //nolint:gosec // the bits are what counts
	spot.JoinedAt = time.UnixMicro(int64(binary.BigEndian.Uint64(b[57:]))).UTC() //nolint:gosec // the bits are what counts
	spot.Wish.Mail = b[sealFixed-1]&flagMail != 0
	for _, ordinal := range b[sealFixed:] {
		spot.Wish.Tiers = append(spot.Wish.Tiers, int(ordinal))
	}
	return spot, true
}

// sealMAC is the MAC of a signed spot. The hashes are kept: making one costs as
// much as two blocks of hashing.
func (s *Service) sealMAC(b []byte) []byte {
	h := s.seals.Get().(hash.Hash)
	defer s.seals.Put(h)
	h.Reset()
	h.Write(b)
	return h.Sum(make([]byte, 0, sha256.Size))
}
