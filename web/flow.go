package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/jackc/pgx/v5"
	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"fairqueue/internal/db"
	"fairqueue/internal/db/sessiondb"
	"fairqueue/internal/fault"
	"fairqueue/views"
)

// flowLife is how long the server remembers what somebody was doing: longer
// than a one-time code works.
const flowLife = 30 * time.Minute

// flowCookie names the browser's half; it ends with the browser.
const flowCookie = "fq_flow"

func newFlow(cfg Config) *scs.SessionManager {
	// Not scs.New: it starts a goroutine for a store in memory that we do not use.
	return &scs.SessionManager{
		Store: &flowStore{db: cfg.DB, redis: cfg.Redis},
		Codec: flowCodec{},
		// No IdleTimeout: it would write on every load.
		Lifetime:         flowLife,
		HashTokenInStore: true,
	}
}

// put remembers a value for this browser until a later page takes it.
func (s *Server) put(c echo.Context, key string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	ctx, err := s.loadFlow(c)
	if err != nil {
		return err
	}
	s.flow.Put(ctx, key, string(raw))
	return s.saveFlow(ctx, c)
}

// peek reads a value that was put; false when there is none.
func (s *Server) peek(c echo.Context, key string, value any) bool {
	return s.read(c, key, value, false)
}

// take reads a value that was put and forgets it; false when there is none.
func (s *Server) take(c echo.Context, key string, value any) bool {
	return s.read(c, key, value, true)
}

func (s *Server) read(c echo.Context, key string, value any, forget bool) bool {
	if _, err := c.Request().Cookie(flowCookie); err != nil {
		return false // The ordinary case: nothing is loaded.
	}
	ctx, err := s.loadFlow(c)
	if err != nil {
		// What is remembered is a convenience: a page without its message is
		// better than no page.
		s.cfg.Logger.Warn("a message between two pages is lost", "err", err, "request", requestID(c))
		return false
	}
	raw := s.flow.GetString(ctx, key)
	ok := raw != "" && json.Unmarshal([]byte(raw), value) == nil
	if !forget || raw == "" {
		return ok
	}
	s.flow.Remove(ctx, key)
	if err := s.saveFlow(ctx, c); err != nil {
		s.cfg.Logger.Warn("a message between two pages may be shown twice", "err", err, "request", requestID(c))
	}
	return ok
}

// endFlow forgets everything, as at the end of a sign-in.
func (s *Server) endFlow(c echo.Context) {
	if _, err := c.Request().Cookie(flowCookie); err != nil {
		return
	}
	ctx, err := s.loadFlow(c)
	if err == nil {
		err = s.flow.Clear(ctx)
	}
	if err == nil {
		err = s.saveFlow(ctx, c)
	}
	if err != nil {
		s.cfg.Logger.Warn("a finished sign-in is remembered until it expires", "err", err, "request", requestID(c))
	}
}

const flowKey = "flow"

func (s *Server) loadFlow(c echo.Context) (context.Context, error) {
	if ctx, ok := c.Get(flowKey).(context.Context); ok {
		return ctx, nil
	}
	token := ""
	if ck, err := c.Request().Cookie(flowCookie); err == nil && len(ck.Value) <= 64 {
		token = ck.Value
	}
	ctx, err := s.flow.Load(c.Request().Context(), token)
	if err != nil {
		return nil, err
	}
	c.Set(flowKey, ctx)
	return ctx, nil
}

// saveFlow writes the session and its cookie; an empty one is deleted with it,
// so that the pages after this one load nothing.
func (s *Server) saveFlow(ctx context.Context, c echo.Context) error {
	personal(c)
	if len(s.flow.Keys(ctx)) == 0 {
		if s.flow.Token(ctx) != "" {
			if err := s.flow.Destroy(ctx); err != nil {
				return err
			}
		}
		s.setCookie(c, flowCookie, "", 0)
		return nil
	}
	token, _, err := s.flow.Commit(ctx)
	if err != nil {
		return err
	}
	s.setCookie(c, flowCookie, token, 0)
	return nil
}

// notice is what a page tells after the form before it: a refusal, or what was
// done, with the form as it was sent.
type notice struct {
	Problem *views.Problem    `json:"problem,omitempty"`
	Done    string            `json:"done,omitempty"`
	Form    map[string]string `json:"form,omitempty"`
	Errors  map[string]string `json:"errors,omitempty"`
	Seats   *seatNotice       `json:"seats,omitempty"`
}

// tell leads to a page of ours that shows n once.
func (s *Server) tell(c echo.Context, page string, n notice) error {
	if err := s.put(c, "at:"+page, n); err != nil {
		return err
	}
	return see(c, page)
}

// told returns what the form before this page left for it.
func (s *Server) told(c echo.Context) (n notice) {
	s.take(c, "at:"+c.Request().URL.Path, &n)
	return n
}

// refuse tells a refusal of a form on a page that offers what to do next.
// Errors that are nobody's decision go on to the error page.
func (s *Server) refuse(c echo.Context, page string, err error, form map[string]string) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	switch f.Kind {
	case fault.Conflict, fault.Forbidden, fault.Invalid, fault.NotFound:
	case fault.Unavailable:
		if f.Code != "provider_unavailable" {
			return err
		}
	default:
		return err
	}
	if perr := s.tell(c, page, notice{Problem: problem(f), Form: form}); perr != nil {
		return errors.Join(err, perr)
	}
	return nil
}

// flowCodec stores a session as JSON: what comes back from a cache that lies
// is refused, not executed.
type flowCodec struct{}

type flowData struct {
	Deadline time.Time         `json:"deadline"`
	Values   map[string]string `json:"values"`
}

var errFlow = errors.New("web: not a session")

// Encode is of scs.Codec.
func (flowCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	d := flowData{Deadline: deadline, Values: make(map[string]string, len(values))}
	for k, v := range values {
		text, ok := v.(string)
		if !ok {
			return nil, errFlow
		}
		d.Values[k] = text
	}
	return json.Marshal(d)
}

// Decode is of scs.Codec.
func (flowCodec) Decode(b []byte) (time.Time, map[string]any, error) {
	var d flowData
	if err := json.Unmarshal(b, &d); err != nil || d.Deadline.IsZero() {
		return time.Time{}, nil, errFlow
	}
	values := make(map[string]any, len(d.Values))
	for k, v := range d.Values {
		values[k] = v
	}
	return d.Deadline, values, nil
}

// flowStore keeps sessions in PostgreSQL behind Redis. Redis may be empty,
// wrong or away: what is not a session there is read from PostgreSQL.
type flowStore struct {
	db    db.Conn
	redis redis.UniversalClient
	q     sessiondb.Queries
}

var _ scs.CtxStore = (*flowStore)(nil)

const storeTimeout = 3 * time.Second

func flowCacheKey(token string) string { return "fq:session:" + token }

// FindCtx is of scs.CtxStore.
func (s *flowStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if s.redis != nil {
		if b, err := s.redis.Get(ctx, flowCacheKey(token)).Bytes(); err == nil {
			if d, ok := openCached(token, b); ok {
				return d, true, nil
			}
		}
	}
	b, err := s.q.FindSession(ctx, s.db, token)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, false, nil
	case err != nil:
		return nil, false, db.Fault(err)
	}
	if _, _, err := (flowCodec{}).Decode(b); err != nil {
		return nil, false, nil // Written by another version: as if it were past.
	}
	return b, true, nil
}

// CommitCtx is of scs.CtxStore.
func (s *flowStore) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := s.q.SaveSession(ctx, s.db, token, b, expiry); err != nil {
		return db.Fault(err)
	}
	if s.redis != nil {
		// A failure leaves an older value or none: the reader copes with both.
		_ = s.redis.Set(ctx, flowCacheKey(token), sealCached(token, b), time.Until(expiry)).Err()
	}
	if rand.N(64) == 0 { //nolint:gosec // Now and then is enough.
		_ = s.q.SweepSessions(ctx, s.db) // Only tidies; the next one tries again.
	}
	return nil
}

// DeleteCtx is of scs.CtxStore.
func (s *flowStore) DeleteCtx(ctx context.Context, token string) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if s.redis != nil {
		// At worst a message is shown twice, until it expires.
		_ = s.redis.Del(ctx, flowCacheKey(token)).Err()
	}
	return db.Fault(s.q.DeleteSession(ctx, s.db, token))
}

// Find, Commit and Delete are of scs.Store, which scs does not call on a CtxStore.
func (s *flowStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is of scs.Store.
func (s *flowStore) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry)
}

// Delete is of scs.Store.
func (s *flowStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// sealCached and openCached tell a session from anything else that may lie
// under its key: a digest over token and data, then the data.
func sealCached(token string, b []byte) []byte {
	sum := sha256.Sum256(append([]byte(token+"\n"), b...))
	return append([]byte(hex.EncodeToString(sum[:])), b...)
}

func openCached(token string, b []byte) ([]byte, bool) {
	const n = 2 * sha256.Size
	if len(b) <= n {
		return nil, false
	}
	sum := sha256.Sum256(append([]byte(token+"\n"), b[n:]...))
	if hex.EncodeToString(sum[:]) != string(b[:n]) {
		return nil, false
	}
	if _, _, err := (flowCodec{}).Decode(b[n:]); err != nil {
		return nil, false
	}
	return b[n:], true
}
