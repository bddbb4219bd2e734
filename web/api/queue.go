package api

import (
	"encoding/hex"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// Place is a fan's place in a line.
type Place struct {
	Spot        Spot       `json:"spot"`
	Serving     int64      `json:"serving" doc:"The highest number that has been called."`
	SaleState   string     `json:"sale_state" enum:"draft,scheduled,lobby,open,paused,sold_out,ended"`
	PollAfterMS int64      `json:"poll_after_ms" doc:"When to ask again." example:"4000"`
	Admission   *Admission `json:"admission,omitempty" doc:"There only while the spot is called or inside."`
}

// Spot is the lasting part of a Place.
type Spot struct {
	ID       uuid.UUID `json:"id" format:"uuid"`
	Status   string    `json:"status" enum:"lobby,waiting,called,inside,missed,left,done"`
	Arrival  int64     `json:"arrival" doc:"Order of joining, from 1, without gaps."`
	Number   *int64    `json:"number" doc:"Order of admission, from 1; null until the draw."`
	Ahead    *int64    `json:"ahead" doc:"Numbers to be called before this one: an upper bound; null where there is no answer."`
	ETA      *ETA      `json:"eta" doc:"Null while nobody can say."`
	JoinedAt time.Time `json:"joined_at"`
}

// TransformSchema documents that eta may be null.
func (Spot) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema { return nullable(s, "eta") }

// ETA is a range for the rest of the wait.
type ETA struct {
	LowSeconds  int64 `json:"low_seconds"`
	HighSeconds int64 `json:"high_seconds"`
}

// Admission is the right to claim.
type Admission struct {
	Token     string    `json:"token" doc:"Goes into the header Admission. A JWT signed with Ed25519; keys at /.well-known/jwks.json."`
	ExpiresAt time.Time `json:"expires_at" doc:"End of the turn while called, of the visit while inside."`
}

func placeOut(v queue.View) Place {
	p := Place{
		Spot: Spot{
			ID: v.SpotID, Status: string(v.Status), Arrival: v.Arrival, Number: v.Number, Ahead: v.Ahead, JoinedAt: v.JoinedAt.UTC(),
		},
		Serving: v.Serving, SaleState: string(v.State), PollAfterMS: v.PollAfter.Milliseconds(),
	}
	if v.ETA != nil {
		p.Spot.ETA = &ETA{LowSeconds: int64(v.ETA.Low.Seconds()), HighSeconds: int64(v.ETA.High.Seconds())}
	}
	if v.Admission != nil {
		p.Admission = &Admission{Token: v.Admission.Token, ExpiresAt: v.Admission.ExpiresAt.UTC()}
	}
	return p
}

// appendPlace is placeOut in JSON, the same bytes as encoding/json would write:
// the answer to every poll is not put together by reflection.
func appendPlace(b []byte, v *queue.View) []byte {
	b = append(b, `{"spot":{"id":"`...)
	b = appendID(b, v.SpotID)
	b = append(b, `","status":"`...)
	b = append(b, v.Status...)
	b = append(b, `","arrival":`...)
	b = strconv.AppendInt(b, v.Arrival, 10)
	b = appendNumber(append(b, `,"number":`...), v.Number)
	b = appendNumber(append(b, `,"ahead":`...), v.Ahead)
	b = append(b, `,"eta":`...)
	if v.ETA == nil {
		b = append(b, "null"...)
	} else {
		b = append(b, `{"low_seconds":`...)
		b = strconv.AppendInt(b, int64(v.ETA.Low.Seconds()), 10)
		b = append(b, `,"high_seconds":`...)
		b = strconv.AppendInt(b, int64(v.ETA.High.Seconds()), 10)
		b = append(b, '}')
	}
	b = append(b, `,"joined_at":"`...)
	b = v.JoinedAt.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `"},"serving":`...)
	b = strconv.AppendInt(b, v.Serving, 10)
	b = append(b, `,"sale_state":"`...)
	b = append(b, v.State...)
	b = append(b, `","poll_after_ms":`...)
	b = strconv.AppendInt(b, v.PollAfter.Milliseconds(), 10)
	if v.Admission != nil {
		// A JWT is letters, digits, '-', '_' and '.'.
		b = append(b, `,"admission":{"token":"`...)
		b = append(b, v.Admission.Token...)
		b = append(b, `","expires_at":"`...)
		b = v.Admission.ExpiresAt.UTC().AppendFormat(b, time.RFC3339Nano)
		b = append(b, `"}`...)
	}
	return append(b, "}\n"...)
}

func appendNumber(b []byte, n *int64) []byte {
	if n == nil {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, *n, 10)
}

func appendID(b []byte, id uuid.UUID) []byte {
	for i, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return b
}

// placeBuffers are where places are written before they are sent.
var placeBuffers = sync.Pool{New: func() any { return new(make([]byte, 0, 1024)) }}

// headerID is echo.HeaderXRequestID as net/http writes it.
var headerID = http.CanonicalHeaderKey(echo.HeaderXRequestID)

// The fixed headers of a place. The values are shared and never changed.
var (
	placeType  = []string{"application/json"}
	placeCache = []string{"no-store"}
)

// sendPlace answers with a place.
func sendPlace(c echo.Context, status int, v *queue.View) error {
	buf := placeBuffers.Get().(*[]byte)
	defer placeBuffers.Put(buf)
	*buf = appendPlace((*buf)[:0], v)
	w := c.Response()
	h := w.Header()
	h["Content-Type"], h["Cache-Control"] = placeType, placeCache
	if status == http.StatusOK {
		// The answer to every poll does without what only tells about failures, or guards pages. It is 4 % of it.
		delete(h, "Content-Security-Policy")
		delete(h, headerID)
	}
	w.WriteHeader(status)
	_, err := w.Write(*buf)
	return err
}

// hot registers a route that everybody calls at the same moment: documented like
// all others, and served by echo without huma between.
func (a *API) hot(e *echo.Echo, rt route, answer any, handle func(r *request) error) {
	op := rt.operation()
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(answer), true, "")
	op.Responses[strconv.Itoa(rt.ok[0])] = &huma.Response{
		Description: http.StatusText(rt.ok[0]), Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}
	a.huma.OpenAPI().AddOperation(&op)
	a.describe(rt)
	e.Add(rt.method, strings.NewReplacer("{", ":", "}", "").Replace(rt.path), func(c echo.Context) error {
		r := &request{api: a, Context: c, quiet: true}
		if err := handle(r); err != nil {
			if r.account != uuid.Nil {
				r.Set(AccountKey, r.account)
			}
			return r.write(err)
		}
		return nil
	})
}

// placeOf returns who asks and about which event: 401, 404.
func (r *request) placeOf() (account.Identity, *sale.Snapshot, error) {
	who, err := r.bearer()
	if err != nil {
		return who, nil, err
	}
	s, err := r.event()
	return who, s, err
}

// QueuePath is the route of joins and polls as echo names it.
const QueuePath = prefix + "/events/:event/queue"

func (a *API) queue(e *echo.Echo) {
	const path = prefix + "/events/{event}/queue"
	a.hot(e, route{
		id: "join-queue", method: http.MethodPost, path: path, tag: tagQueue, auth: bearer,
		summary: "Join the line",
		doc: "201 the first time, 200 ever after with the same spot, from any device. A 2xx means: the place is on disk. " +
			"On a missed turn, and after leaving or buying with limit left, it asks for another turn.",
		ok:    []int{http.StatusCreated, http.StatusOK},
		codes: []string{"sale_not_joinable", "line_full", "too_many_requests", "not_durable"},
	}, Place{}, func(r *request) error {
		who, s, err := r.placeOf()
		if err != nil {
			return err
		}
		if err := r.noBody(); err != nil {
			return err
		}
		if err := a.Guard.Join(who.AccountID.String()); err != nil {
			return err
		}
		v, created, err := a.Queue.Join(r.ctx(), s, who.AccountID)
		if err != nil {
			return err
		}
		if created {
			return sendPlace(r, http.StatusCreated, &v)
		}
		return sendPlace(r, http.StatusOK, &v)
	})

	a.hot(e, route{
		id: "get-place", method: http.MethodGet, path: path, tag: tagQueue, auth: bearer,
		summary: "Where am I?", doc: "At most two seconds behind the database. Ask again after poll_after_ms.",
		ok: []int{http.StatusOK}, codes: []string{"not_in_queue"},
	}, Place{}, func(r *request) error {
		who, s, err := r.placeOf()
		if err != nil {
			return err
		}
		spot, err := a.Queue.SpotOf(r.ctx(), s, who.AccountID)
		if err != nil {
			return err
		}
		v, err := a.Queue.StatusOf(r.ctx(), s, spot)
		if err != nil {
			return err
		}
		return sendPlace(r, http.StatusOK, &v)
	})

	add(a, route{
		id: "leave-queue", method: http.MethodDelete, path: path, tag: tagQueue, auth: bearer,
		summary: "Leave the line", ok: []int{http.StatusNoContent}, codes: []string{"not_in_queue", "claim_open"},
	}, func(r *request) (*nothing, error) {
		who, s, err := r.placeOf()
		if err != nil {
			return nil, err
		}
		if err := r.noBody(); err != nil {
			return nil, r.first(err, func() error { _, err := a.Queue.Status(r.ctx(), s, who.AccountID); return err })
		}
		if err := a.Queue.Leave(r.ctx(), s, who.AccountID); err != nil {
			return nil, err
		}
		return noContent()
	})
}

// first returns what earlier finds, or else late. Services decide 403 and 404
// while they work, after the body was read; only when the body is bad is it
// worth asking what would have come before.
func (r *request) first(late error, earlier func() error) error {
	if err := earlier(); err != nil {
		return err
	}
	return late
}
