package api

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/fault"
	"fairqueue/internal/guard"
	"fairqueue/internal/payment"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
	"fairqueue/web/stream"
)

// Config is what the API needs.
type Config struct {
	DB       db.Conn
	Accounts *account.Service
	Sales    *sale.Service
	Queue    *queue.Service
	Claims   *claim.Service
	Payments *payment.Service
	Tickets  *ticket.Service
	Guard    *guard.Guard
	Clock    *db.Clock
	Logger   *slog.Logger
	// PublicURL is the address of the site, for the OpenAPI document.
	PublicURL *url.URL
	// Identify says who a browser's session cookie belongs to; the event stream
	// asks it where there is no bearer token. Nil: nobody.
	Identify func(*http.Request) (account.Identity, bool)
	// Spot reads the spot cookie of a browser whose session is known; it spares
	// the stream a look-up. Nil: there are none.
	Spot func(r *http.Request, who account.Identity, event uuid.UUID) (queue.Spot, bool)
	// Invariants counts the violations of each invariant of an event; it is asked
	// about once a second and event, so it keeps what is dear. Nil: none are told.
	Invariants func(ctx context.Context, event uuid.UUID) (map[string]int64, error)
}

// API is the mounted API.
type API struct {
	Config
	huma huma.API
	hub  *hub
	// pictures keeps the encoded fairness data of each event.
	pictures pictures
	// seatBodies keeps the encoded seats of each event.
	seatBodies seatBodies
	bodies     map[reflect.Type]*huma.Schema
}

const (
	prefix      = "/api/v1"
	openAPIPath = "/api/openapi.json"
	docsPath    = "/api/docs"
)

// Mount adds every route of the API to e, with its document and its page.
func Mount(e *echo.Echo, c Config) *API {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	a := &API{Config: c, bodies: map[reflect.Type]*huma.Schema{}}
	a.hub = newHub(c.Sales.Follow, newLooks(a.look, a.sign), stream.Config{Most: mostStreams()})
	a.huma = humaecho.New(e, document(c.PublicURL))
	a.huma.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) {
		ec := humaecho.Unwrap(ctx)
		ec.Response().Header().Set("Cache-Control", "no-store")
		next(huma.WithValue(ctx, echoKey{}, ec))
	})
	a.signIn()
	a.events()
	a.queue(e)
	a.stream(e)
	a.fairness(e)
	a.seats(e)
	a.claims(e)
	a.presales()
	a.swap()
	a.payments()
	a.webhook(e)
	a.tickets()
	a.details()
	a.organizer()
	a.refunds()
	a.releases()
	a.stock()
	a.jwks()
	a.docs(e)
	return a
}

// CloseStreams ends every open event stream and refuses new ones; it returns
// when the last has ended.
func (a *API) CloseStreams() { a.hub.close() }

// Streams is the number of open event streams.
func (a *API) Streams() int { return a.hub.count() }

// StreamHub holds the event streams; other streams of the site may share it.
func (a *API) StreamHub() *stream.Hub { return a.hub.streams }

// StreamStats are the figures of the event streams.
func (a *API) StreamStats() stream.Stats { return a.hub.streams.Stats() }

type echoKey struct{}

// Who may call a route.
type auth int

const (
	anyone auth = iota
	// bearer needs a token.
	bearer
	// optional takes a token and serves without one, too.
	optional
)

// route is one entry of the document.
type route struct {
	id, method, path, tag string
	summary, doc          string
	auth                  auth
	// admission documents the header Admission.
	admission bool
	// body is an example of the type of the request's body; nil for none.
	body any
	// bodyOptional: no body is as good as an empty object.
	bodyOptional bool
	// ok are the statuses of success; the first is the usual one.
	ok []int
	// list adds limit and cursor.
	list bool
	// most is the largest limit of a list; 0 for maxLimit.
	most int
	// query are its further parameters.
	query []*huma.Param
	// codes are the codes of CONTRACT.md that this route may answer with, beside
	// those that follow from what stands above; "422 name" where the status is not
	// the usual one of the code.
	codes []string
}

// reply is a success with its status.
type reply[T any] struct {
	Status int
	Body   T
}

func ok[T any](body T) (*reply[T], error) { return &reply[T]{http.StatusOK, body}, nil }

// nothing is a success without a body.
type nothing struct{ Status int }

func noContent() (*nothing, error) { return &nothing{http.StatusNoContent}, nil }

// add registers a route.
func add[O any](a *API, rt route, handle func(r *request) (*O, error)) {
	op := rt.operation()
	op.DefaultStatus = rt.ok[0]
	huma.Register(a.huma, op, func(ctx context.Context, _ *struct{}) (*O, error) {
		r := &request{api: a, Context: ctx.Value(echoKey{}).(echo.Context)}
		out, err := handle(r)
		if err != nil {
			return nil, r.fail(err)
		}
		return out, nil
	})
	a.describe(rt)
}

// fail translates and logs what is our fault.
func (r *request) fail(err error) error {
	p := problem(err, requestID(r.Context))
	if p.Status >= 500 && !errors.Is(r.Request().Context().Err(), context.Canceled) {
		level := slog.LevelError
		if p.Status == http.StatusServiceUnavailable {
			level = slog.LevelWarn
		}
		r.api.Logger.Log(r.Request().Context(), level, "api request failed",
			"route", r.Path(), "code", p.Code, "request_id", p.Instance, "err", err)
	}
	return p
}

// write is fail for routes that huma does not serve.
func (r *request) write(err error) error {
	_ = r.fail(err)
	return WriteProblem(r.Context, err)
}

// operation is the documented part that needs no Go types.
func (rt route) operation() huma.Operation {
	op := huma.Operation{
		OperationID: rt.id, Method: rt.method, Path: rt.path, Tags: []string{rt.tag},
		Summary: rt.summary, Description: rt.doc,
		Responses: map[string]*huma.Response{},
	}
	for _, part := range strings.Split(rt.path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			p := &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: "string"}}
			if name == "event" {
				p.Description = "Id or slug of the event."
			} else {
				p.Schema.Format = "uuid"
			}
			op.Parameters = append(op.Parameters, p)
		}
	}
	if rt.admission {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "Admission", In: "header", Required: true,
			Description: "admission.token of the queue.", Schema: &huma.Schema{Type: "string"}})
	}
	if rt.list {
		low := float64(1)
		op.Parameters = append(op.Parameters,
			&huma.Param{Name: "limit", In: "query", Description: "How many; " + strconv.Itoa(cmp.Or(rt.most, maxLimit)) + " come at most.",
				Schema: &huma.Schema{Type: "integer", Minimum: &low, Default: defaultLimit}},
			&huma.Param{Name: "cursor", In: "query", Description: "next_cursor of the page before.", Schema: &huma.Schema{Type: "string"}})
	}
	op.Parameters = append(op.Parameters, rt.query...)
	switch rt.auth {
	case bearer:
		op.Security = []map[string][]string{{"bearer": {}}}
	case optional:
		op.Security = []map[string][]string{{"bearer": {}}, {}}
	case anyone:
	}
	return op
}

// describe completes what huma has documented: the body, which huma must not
// read, further statuses of success, and the codes of every error.
func (a *API) describe(rt route) {
	op := a.operationAt(rt.path, rt.method)
	if rt.body != nil {
		t := reflect.TypeOf(rt.body)
		schema := a.huma.OpenAPI().Components.Schemas.Schema(t, true, "")
		a.bodies[t] = schema
		op.RequestBody = &huma.RequestBody{
			Required: !rt.bodyOptional,
			Content:  map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}
	}
	delete(op.Responses, "default") // huma's own form of an error
	first := op.Responses[strconv.Itoa(rt.ok[0])]
	for _, status := range rt.ok[1:] {
		again := *first
		again.Description = http.StatusText(status)
		op.Responses[strconv.Itoa(status)] = &again
	}
	byStatus := map[int][]string{}
	for _, name := range rt.allCodes() {
		status, name := statusOf(name)
		byStatus[status] = append(byStatus[status], name)
	}
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")
	for status, names := range byStatus {
		r := &huma.Response{
			Description: http.StatusText(status) + ": " + list(names),
			Content:     map[string]*huma.MediaType{problemType: {Schema: schema}},
		}
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			r.Headers = map[string]*huma.Param{"Retry-After": {Description: "Seconds to wait.", Schema: &huma.Schema{Type: "integer"}}}
		}
		op.Responses[strconv.Itoa(status)] = r
	}
}

// allCodes are the codes of the route with those that follow from its kind.
func (rt route) allCodes() []string {
	var all []string
	if rt.auth != anyone {
		all = append(all, codeUnauthorized)
	}
	if strings.Contains(rt.path, "{event}") {
		all = append(all, "event_not_found")
	}
	all = append(all, rt.codes...)
	// What is always refused is refused before its body is read.
	takesBody := rt.method != http.MethodGet && rt.ok[0] < 400
	if takesBody {
		all = append(all, "body_too_large")
	}
	if (rt.list || takesBody) && !slices.Contains(all, "invalid_request") {
		all = append(all, "invalid_request")
	}
	return append(all, "internal", "database_unavailable")
}

func (a *API) operationAt(path, method string) *huma.Operation {
	item := a.huma.OpenAPI().Paths[path]
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPost:
		return item.Post
	case http.MethodPatch:
		return item.Patch
	case http.MethodDelete:
		return item.Delete
	}
	panic("api: no operation for " + method)
}

var errStopping = fault.New(fault.Unavailable, "stopping", "This server is being replaced. Connect again in a moment.")

var errFull = fault.New(fault.Unavailable, "too_many_streams", "This server holds as many streams as it can. Ask GET …/queue instead, and try again later.").
	After(time.Minute)
