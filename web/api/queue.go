package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

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

// placeOf returns who asks and about which event: 401, 404.
func (r *request) placeOf() (account.Identity, *sale.Snapshot, error) {
	who, err := r.bearer()
	if err != nil {
		return who, nil, err
	}
	s, err := r.event()
	return who, s, err
}

func (a *API) queue() {
	const path = prefix + "/events/{event}/queue"
	add(a, route{
		id: "join-queue", method: http.MethodPost, path: path, tag: tagQueue, auth: bearer,
		summary: "Join the line",
		doc: "201 the first time, 200 ever after with the same spot, from any device. A 2xx means: the place is on disk. " +
			"On a missed turn, and after leaving or buying with limit left, it asks for another turn.",
		ok:    []int{http.StatusCreated, http.StatusOK},
		codes: []string{"sale_not_joinable", "line_full", "too_many_requests", "not_durable"},
	}, func(r *request) (*reply[Place], error) {
		who, s, err := r.placeOf()
		if err != nil {
			return nil, err
		}
		if err := r.noBody(); err != nil {
			return nil, err
		}
		if err := a.Guard.Join(who.AccountID.String()); err != nil {
			return nil, err
		}
		v, created, err := a.Queue.Join(r.ctx(), s, who.AccountID)
		if err != nil {
			return nil, err
		}
		out := &reply[Place]{http.StatusOK, placeOut(v)}
		if created {
			out.Status = http.StatusCreated
		}
		return out, nil
	})

	add(a, route{
		id: "get-place", method: http.MethodGet, path: path, tag: tagQueue, auth: bearer,
		summary: "Where am I?", doc: "At most two seconds behind the database. Ask again after poll_after_ms.",
		ok: []int{http.StatusOK}, codes: []string{"not_in_queue"},
	}, func(r *request) (*reply[Place], error) {
		who, s, err := r.placeOf()
		if err != nil {
			return nil, err
		}
		v, err := a.Queue.Status(r.ctx(), s, who.AccountID)
		if err != nil {
			return nil, err
		}
		return ok(placeOut(v))
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
