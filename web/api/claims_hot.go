package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/claim"
	"fairqueue/internal/money"
)

// claimAsked reads what a claim asks for: the form that nearly every claim has by hand, all others, and whatever is wrong
// with one, as all bodies are read. 413, 422.
func (r *request) claimAsked() (claim.Request, error) {
	raw, err := r.read(maxBody)
	if err != nil {
		return claim.Request{}, err
	}
	if r.Request().Header.Get("Content-Type") == "application/json" {
		if tier, quantity, ok := plainClaim(raw); ok {
			return claim.Request{TierID: tier, Quantity: quantity}, nil
		}
	}
	var in newClaim
	if err := r.decodeAs(&in, r.api.bodies[reflect.TypeFor[newClaim]()], raw); err != nil {
		return claim.Request{}, err
	}
	return in.ask()
}

// plainClaim reads {"tier_id":ID,"quantity":N} and nothing else.
func plainClaim(raw []byte) (tier uuid.UUID, quantity int, ok bool) {
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(raw), []byte("{"))
	if !ok {
		return tier, 0, false
	}
	for n := range 2 {
		var name, value []byte
		if name, rest, ok = bytes.Cut(rest, []byte(":")); !ok {
			return tier, 0, false
		}
		end := []byte(",")
		if n == 1 {
			end = []byte("}")
		}
		if value, rest, ok = bytes.Cut(rest, end); !ok {
			return tier, 0, false
		}
		value = bytes.TrimSpace(value)
		switch string(bytes.TrimSpace(name)) {
		case `"tier_id"`:
			if tier, ok = quotedID(value); !ok {
				return tier, 0, false
			}
		case `"quantity"`:
			if quantity, ok = smallNumber(value); !ok {
				return tier, 0, false
			}
		default:
			return tier, 0, false
		}
	}
	return tier, quantity, len(rest) == 0 && tier != uuid.Nil && quantity != 0
}

func quotedID(value []byte) (uuid.UUID, bool) {
	if len(value) != 38 || value[0] != '"' || value[37] != '"' {
		return uuid.Nil, false
	}
	return parseID(string(value[1:37]))
}

// smallNumber reads 1 to 50.
func smallNumber(value []byte) (int, bool) {
	if len(value) < 1 || len(value) > 2 || value[0] == '0' {
		return 0, false
	}
	n := 0
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, n <= 50
}

// appendClaim is claimOut in JSON, the same bytes as encoding/json would write.
func appendClaim(b []byte, c *claim.Claim) ([]byte, error) {
	b = append(b, `{"id":"`...)
	b = appendID(b, c.ID)
	b = append(b, `","event_id":"`...)
	b = appendID(b, c.EventID)
	b = append(b, `","status":"`...)
	b = append(b, c.Status...)
	b = append(b, `","expires_at":"`...)
	b = c.ExpiresAt.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","lines":[`...)
	for i := range c.Lines {
		l := &c.Lines[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"unit_id":"`...)
		b = appendID(b, l.UnitID)
		b = append(b, `","tier_id":"`...)
		b = appendID(b, l.TierID)
		b = append(b, `","seat":`...)
		if l.Seat == nil {
			b = append(b, "null"...)
		} else {
			// Labels are the organizer's words.
			seat, err := json.Marshal(Seat{Section: l.Seat.Section, Row: l.Seat.Row, Label: l.Seat.Label})
			if err != nil {
				return nil, err
			}
			b = append(b, seat...)
		}
		b = appendMoney(append(b, `,"price":`...), l.Price)
		b = append(b, '}')
	}
	b = appendMoney(append(b, `],"total":`...), c.Total)
	return append(b, "}\n"...), nil
}

func appendMoney(b []byte, k money.Kobo) []byte {
	m := money.In(k)
	b = append(b, `{"amount":`...)
	b = strconv.AppendInt(b, int64(m.Amount), 10)
	b = append(b, `,"currency":"`...)
	b = append(b, m.Currency...)
	return append(b, `"}`...)
}

// sendClaim answers with a claim.
func sendClaim(c echo.Context, status int, made *claim.Claim) (err error) {
	buf := placeBuffers.Get().(*[]byte)
	defer placeBuffers.Put(buf)
	if *buf, err = appendClaim((*buf)[:0], made); err != nil {
		return err
	}
	w := c.Response()
	h := w.Header()
	h["Content-Type"], h["Cache-Control"] = placeType, placeCache
	w.WriteHeader(status)
	_, err = w.Write(*buf)
	return err
}
