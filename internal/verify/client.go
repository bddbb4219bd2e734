package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	requestTimeout = 30 * time.Second
	// maxAnswer bounds an answer, maxPages a list: what does not end must not fill the memory.
	maxAnswer = 16 << 20
	maxPages  = 1_000_000
	// A server may ask to wait; it gets that wish so often, and no longer at a time.
	maxTries = 6
	maxWait  = 20 * time.Second
)

// fairness is the JSON of CONTRACT.md. Hex stays text: what does not decode fails the check it belongs to.
type fairness struct {
	Ordering   string           `json:"ordering"`
	SaleState  string           `json:"sale_state"`
	Draw       *draw            `json:"draw"`
	Serving    int64            `json:"serving"`
	Admissions []admission      `json:"admissions"`
	Exceptions []exception      `json:"exceptions"`
	Ledger     *ledger          `json:"ledger"`
	Invariants map[string]int64 `json:"invariants"`
}

type draw struct {
	Algorithm   *string    `json:"algorithm"`
	Commitment  *string    `json:"commitment"`
	CommittedAt *time.Time `json:"committed_at"`
	Secret      *string    `json:"secret"`
	Root        *string    `json:"root"`
	LobbySize   *int64     `json:"lobby_size"`
	Beacon      *beacon    `json:"beacon"`
	Seed        *string    `json:"seed"`
	DrawnAt     *time.Time `json:"drawn_at"`
}

type beacon struct {
	Name  string  `json:"name"`
	Round int64   `json:"round"`
	Value *string `json:"value"`
}

type admission struct {
	From int64     `json:"from_number"`
	To   int64     `json:"to_number"`
	At   time.Time `json:"at"`
}

type exception struct {
	Number *int64    `json:"number"`
	Rule   string    `json:"rule"`
	At     time.Time `json:"at"`
}

type ledger struct {
	Blocks int64  `json:"blocks"`
	Head   string `json:"head"`
}

type proof struct {
	Arrival  int64    `json:"arrival"`
	Leaf     string   `json:"leaf"`
	Path     []string `json:"path"`
	TreeSize int64    `json:"tree_size"`
	Root     string   `json:"root"`
}

// client reads the public data of one event.
type client struct {
	http *http.Client
	base string // …/api/v1/events/{event}/fairness
}

func newClient(c Config) (*client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("verify: %q is no address of a server; it begins with http:// or https://", c.URL)
	}
	h := c.HTTP
	if h == nil {
		h = &http.Client{Timeout: requestTimeout}
	}
	return &client{h, strings.TrimSuffix(c.URL, "/") + "/api/v1/events/" + url.PathEscape(c.Event) + "/fairness"}, nil
}

// get reads one answer into v.
func (c *client) get(ctx context.Context, path string, v any) error {
	for try := 1; ; try++ {
		wait, err := c.once(ctx, path, v)
		if err == nil || wait <= 0 || try == maxTries {
			return err
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

func (c *client) once(ctx context.Context, path string, v any) (wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return 0, fmt.Errorf("verify: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("verify: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, fmt.Errorf("verify: %s: %w", req.URL, err)
	case len(b) > maxAnswer:
		return 0, fmt.Errorf("verify: %s: the answer is longer than %d bytes", req.URL, maxAnswer)
	case res.StatusCode != http.StatusOK:
		var problem struct{ Code, Detail string }
		_ = json.Unmarshal(b, &problem) // Without it the status says enough.
		err := fmt.Errorf("verify: %s: %s %s %s", req.URL, res.Status, problem.Code, problem.Detail)
		if res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable {
			seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
			return min(maxWait, max(time.Second, time.Duration(seconds)*time.Second)), err
		}
		return 0, err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return 0, malformedError{fmt.Sprintf("%s does not have the published form: %v", req.URL.Path, err)}
	}
	return 0, nil
}

// malformedError is an answer that came and is not what was agreed: a failed check, not a failed reading.
type malformedError struct{ says string }

func (e malformedError) Error() string { return e.says }

// pages reads a list to its end. take returns false when it has seen enough.
func pages[T any](ctx context.Context, c *client, name string, limit int, take func([]T) bool) error {
	cursor := ""
	for range maxPages {
		var page map[string]json.RawMessage
		if err := c.get(ctx, "/"+name+"?limit="+strconv.Itoa(limit)+"&cursor="+url.QueryEscape(cursor), &page); err != nil {
			return err
		}
		var items []T
		var next *string
		if err := errors.Join(json.Unmarshal(page[name], &items), json.Unmarshal(page["next_cursor"], &next)); err != nil {
			return malformedError{fmt.Sprintf("a page of %s does not have the published form: %v", name, err)}
		}
		if !take(items) || next == nil {
			return nil
		}
		if *next == cursor || *next == "" || len(items) == 0 {
			return malformedError{"the list of " + name + " does not end"}
		}
		cursor = *next
	}
	return malformedError{"the list of " + name + " does not end"}
}
