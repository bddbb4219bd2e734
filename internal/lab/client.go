package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// problem is an answer that is an error.
type problem struct {
	Status     int
	Code       string    `json:"code"`
	JoinableAt time.Time `json:"joinable_at"`
	Left       int       `json:"left"`
	ClaimID    string    `json:"claim_id"`
	retryAfter time.Duration
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s", p.Status, p.Code) }

// is reports whether err is a problem with one of the codes.
func is(err error, codes ...string) bool {
	p, ok := errors.AsType[*problem](err)
	if !ok {
		return false
	}
	for _, c := range codes {
		if p.Code == c {
			return true
		}
	}
	return false
}

const (
	// maxAnswer bounds an answer, in bytes: the seats of a stadium are the longest.
	maxAnswer = 16 << 20
	// tries is how often a fan asks again before giving up: with the longest waits, about ten minutes.
	tries   = 40
	longest = 15 * time.Second
)

// call sends a request as the fan until the server decides: refusals for now (429, 503) and lost connections are tried
// again after the time the server asks for. Every request of a fan may be repeated without harm: joining, paying and
// leaving find what is there already, and a second hold answers claim_open.
func (f *fan) call(ctx context.Context, method, path string, header http.Header, body, out any) error {
	return f.send(ctx, method, f.cfg.BaseURL+"/api/v1"+path, header, body, out)
}

func (f *fan) send(ctx context.Context, method, address string, header http.Header, body, out any) error {
	wait := time.Second
	for try := 1; ; try++ {
		err := f.once(ctx, method, address, header, body, out)
		if err == nil || ctx.Err() != nil {
			return err
		}
		p, decided := errors.AsType[*problem](err)
		if decided {
			f.count(func(r *Report) { r.Errors[p.Code]++ })
		} else {
			f.count(func(r *Report) { r.Errors["no_answer"]++ })
		}
		if try == tries || (decided && p.Status < 500 && p.Status != http.StatusTooManyRequests) {
			return err
		}
		d := wait
		if decided && p.retryAfter > 0 {
			d = p.retryAfter
		} else {
			wait = min(wait*2, longest)
		}
		// Spread, so that those refused together do not come back together.
		d += time.Duration(f.rnd.Int64N(int64(d)/2 + 1))
		if pause(ctx, d) != nil {
			return ctx.Err()
		}
	}
}

func (f *fan) once(ctx context.Context, method, address string, header http.Header, body, out any) error {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, r)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		req.Header[k] = v
	}
	f.sign(req)
	res, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		p := &problem{}
		_ = json.Unmarshal(b, p) // what is no problem document has no code
		p.Status = res.StatusCode
		if p.Code == "" {
			p.Code = "http_" + strconv.Itoa(res.StatusCode)
		}
		if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n >= 0 {
			p.retryAfter = min(time.Duration(n)*time.Second, time.Minute)
		}
		return p
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

func (f *fan) sign(req *http.Request) {
	// The sandbox's controls take no credential, and must not be shown one.
	if f.cfg.SandboxURL == "" || req.URL.Scheme+"://"+req.URL.Host != f.cfg.SandboxURL {
		req.Header.Set("Authorization", "Bearer "+f.Token)
	}
}
