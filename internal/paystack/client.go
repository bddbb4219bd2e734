package paystack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"fairqueue/internal/money"
	"fairqueue/internal/payment"
)

// DefaultBaseURL is Paystack's API.
const DefaultBaseURL = "https://api.paystack.co"

// Config is what a Client needs.
type Config struct {
	// SecretKey is sk_test_… or sk_live_….
	SecretKey string
	// BaseURL defaults to DefaultBaseURL.
	BaseURL string
	// Timeout is the deadline of one call with what is repeated of it; default 10 s.
	Timeout time.Duration
	// HTTP defaults to a client of its own that follows no redirects.
	HTTP *http.Client
	// Version goes into the User-Agent.
	Version string
	Logger  *slog.Logger
}

// Client is payment.Provider over Paystack's HTTP API.
type Client struct {
	cfg   Config
	base  *url.URL
	lanes [lanes]*lane

	banksMu sync.Mutex
	banks   []payment.Bank
	banksAt time.Time
}

var _ payment.Provider = (*Client)(nil)

const (
	defaultTimeout = 10 * time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 1 << 20
)

// New returns a Client; a missing key or a malformed BaseURL is an error.
func New(cfg Config) (*Client, error) {
	if cfg.SecretKey == "" {
		return nil, errors.New("paystack: the secret key is empty")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") {
		return nil, fmt.Errorf("paystack: %q is not the address of an API", cfg.BaseURL)
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.HTTP == nil {
		t, _ := http.DefaultTransport.(*http.Transport)
		t = t.Clone()
		t.MaxIdleConnsPerHost = 16
		cfg.HTTP = &http.Client{
			Transport:     t,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Client{cfg: cfg, base: base}
	for i, name := range laneNames {
		c.lanes[i] = &lane{name: name, log: cfg.Logger}
	}
	return c, nil
}

// ours reports whether an answer comes from the world of our key: money of a
// test is none, and a live one has nothing to do with tests.
func (c *Client) ours(domain anyText) bool {
	live := strings.HasPrefix(c.cfg.SecretKey, "sk_live_")
	return domain == "" || (domain == "live") == live
}

// Down implements payment.Provider.
func (c *Client) Down() (until time.Time, down bool) { return c.lanes[laneOpen].down() }

// Close lets go of idle connections.
func (c *Client) Close() { c.cfg.HTTP.CloseIdleConnections() }

// Name implements payment.Provider.
func (c *Client) Name() string { return "paystack" }

// Initialize implements payment.Provider.
func (c *Client) Initialize(ctx context.Context, s payment.Start) (string, error) {
	meta := map[string]any{}
	for k, v := range s.Metadata {
		meta[k] = v
	}
	if s.CancelURL != "" {
		meta["cancel_action"] = s.CancelURL
	}
	var out struct {
		AuthorizationURL string `json:"authorization_url"`
		Reference        string `json:"reference"`
	}
	err := c.call(ctx, laneOpen, http.MethodPost, "/transaction/initialize", map[string]any{
		"email": s.Email, "amount": int64(s.Amount), "currency": money.Currency, "reference": s.Reference,
		"callback_url": s.CallbackURL, "channels": s.Channels, "metadata": meta,
	}, &out)
	if err != nil {
		return "", err
	}
	page, err := url.Parse(out.AuthorizationURL)
	if err != nil || page.Host == "" || (page.Scheme != "https" && page.Scheme != "http") ||
		(out.Reference != "" && out.Reference != s.Reference) {
		return "", &payment.ProviderError{Code: codeMalformed, Message: "initialize gave no page to go to", Uncertain: true}
	}
	return out.AuthorizationURL, nil
}

// Verify implements payment.Provider.
func (c *Client) Verify(ctx context.Context, reference string) (payment.Charge, error) {
	var d charge
	err := c.call(ctx, laneAsk, http.MethodGet, "/transaction/verify/"+url.PathEscape(reference), nil, &d)
	if e, ok := errors.AsType[*payment.ProviderError](err); ok && e.Code == codeNotFound {
		return payment.Charge{Reference: reference}, nil
	}
	if err != nil {
		return payment.Charge{}, err
	}
	out := d.charge()
	if out.Reference != reference || out.Status == "" || !d.Amount.ok || !c.ours(d.Domain) {
		return payment.Charge{}, &payment.ProviderError{Code: codeMalformed, Message: "verify answered about something else", Uncertain: true}
	}
	return out, nil
}

// Codes of our own for what has none from Paystack, and those told apart here.
const (
	codeMalformed   = "malformed"
	codeUnreachable = "unreachable"
	codeTimeout     = "timeout"
	codeRateLimited = "rate_limited"
	codeResting     = "provider_resting" // not asked, because it has not answered lately
	codeNotFound    = "transaction_not_found"
	codeDuplicate   = "duplicate_reference"
	codeInvalidKey  = "invalid_Key"
	codeNoDispute   = "dispute_not_found"
)

type envelope struct {
	Status  bool            `json:"status"`
	Message string          `json:"message"`
	Type    anyText         `json:"type"`
	Code    anyText         `json:"code"`
	Data    json.RawMessage `json:"data"`
}

// retryPause is how long a failed call that may be repeated waits.
const retryPause = 150 * time.Millisecond

// call makes a request within the deadline and reads data into out. It is made
// once more where that is safe: when the provider asked for a little patience,
// when nothing left this machine, and when nothing but a question was asked.
func (c *Client) call(ctx context.Context, l int, method, path string, body, out any) error {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return fmt.Errorf("paystack: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	err := c.once(ctx, l, method, path, sent, out)
	wait, again := retry(method, err)
	if !again || !pause(ctx, spread(wait)) {
		return err
	}
	return c.once(ctx, l, method, path, sent, out)
}

// retry reports whether a call that failed may be made once more, and after which pause.
func retry(method string, err error) (wait time.Duration, again bool) {
	e, ok := errors.AsType[*payment.ProviderError](err)
	if !ok {
		return 0, false
	}
	switch {
	case e.Code == codeRateLimited:
		// The lane itself waits; what it finds too long is too long.
		return 0, e.RetryAfter <= ratePatience
	case e.Code == codeResting, e.Code == codeTimeout:
		return 0, false
	case e.Code == codeUnreachable && !e.Uncertain:
		return retryPause, true
	case method == http.MethodGet && silent(err):
		return retryPause, true
	}
	return 0, false
}

// once makes one request, if its lane lets it.
func (c *Client) once(ctx context.Context, l int, method, path string, sent []byte, out any) error {
	trial, err := c.lanes[l].enter(ctx)
	if err != nil {
		return err
	}
	err = c.send(ctx, method, path, sent, out)
	c.lanes[l].leave(ctx, trial, err)
	return err
}

func (c *Client) send(ctx context.Context, method, path string, sent []byte, out any) error {
	var r io.Reader
	if sent != nil {
		r = bytes.NewReader(sent)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.base.String(), "/")+path, r)
	if err != nil {
		return fmt.Errorf("paystack: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.cfg.SecretKey)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "FairQueue/"+c.cfg.Version)
	if sent != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return unreachable(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return unreachable(ctx, err)
	}
	if len(raw) > maxAnswer {
		return &payment.ProviderError{Code: codeMalformed, Message: "the answer is too long", Uncertain: true}
	}
	return answer(res, raw, out)
}

func unreachable(ctx context.Context, err error) error {
	code := codeUnreachable
	if ctx.Err() != nil {
		code = codeTimeout
	}
	// Without a connection nothing was asked for.
	op, ok := errors.AsType[*net.OpError](err)
	sent := !ok || op.Op != "dial"
	// A url.Error repeats the address, which holds no secret; the key is in a header.
	return &payment.ProviderError{Code: code, Uncertain: sent, Err: err}
}

// answer reads the envelope. The code decides, then the status.
func answer(res *http.Response, raw []byte, out any) error {
	var env envelope
	bad := json.Unmarshal(raw, &env)
	if bad == nil && res.StatusCode == http.StatusOK && env.Status {
		if err := json.Unmarshal(env.Data, out); err != nil {
			return &payment.ProviderError{Code: codeMalformed, Uncertain: true, Err: err}
		}
		return nil
	}
	e := &payment.ProviderError{Code: string(env.Code), Message: env.Message}
	if e.Code == "" {
		e.Code = guessCode(res.StatusCode, env.Message)
	}
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		e.Code, e.RetryAfter = codeRateLimited, retryAfter(res.Header, time.Now())
	case res.StatusCode >= http.StatusInternalServerError, bad != nil:
		e.Uncertain, e.Err = true, bad
		if res.Header.Get("Retry-After") != "" {
			e.RetryAfter = retryAfter(res.Header, time.Now())
		}
	case e.Code == codeDuplicate:
		// Somebody has opened it: we ourselves, before an answer was lost.
		e.Uncertain = true
	case e.Code == codeInvalidKey, res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		// Nothing about this buyer: it works again when the key is right.
	case res.StatusCode >= http.StatusBadRequest:
		e.Refused = true
	default:
		// 2xx or 3xx without a success in it.
		e.Uncertain = true
	}
	return e
}

// guessCode is for older paths that give a message and no code.
func guessCode(status int, message string) string {
	m := strings.ToLower(message)
	switch {
	case strings.Contains(m, "duplicate transaction reference"):
		return codeDuplicate
	case strings.Contains(m, "reference not found"), strings.Contains(m, "transaction not found"):
		return codeNotFound
	case strings.Contains(m, "dispute not found"):
		return codeNoDispute
	case strings.Contains(m, "invalid key"):
		return codeInvalidKey
	case strings.Contains(m, "fully reversed"):
		return "transaction_reversed"
	}
	return "http_" + strconv.Itoa(status)
}

// maxRetryAfter bounds what a header can make us wait.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads Retry-After (seconds or a date) or x-ratelimit-reset
// (seconds, or a moment in Unix seconds).
func retryAfter(h http.Header, now time.Time) time.Duration {
	d := time.Duration(0)
	if v := h.Get("Retry-After"); v != "" {
		if n, err := strconv.ParseInt(v, 10, 32); err == nil {
			d = time.Duration(n) * time.Second
		} else if at, err := http.ParseTime(v); err == nil {
			d = at.Sub(now)
		}
	} else if n, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
		if d = maxRetryAfter; n < int64(maxRetryAfter/time.Second) {
			d = time.Duration(n) * time.Second
		} else if until := time.Unix(n, 0).Sub(now); until < d {
			d = until
		}
	}
	return min(max(d, time.Second), maxRetryAfter)
}
