package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// answer is what came back over HTTP.
type answer struct {
	t      testing.TB
	call   string
	status int
	header http.Header
	body   []byte
	json   map[string]any
}

// request sends a body: nil for none, a string as it is, anything else as JSON.
func (p *product) request(t testing.TB, method, address, bearer string, body any, header map[string]string) *answer {
	t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, r)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := p.client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	defer res.Body.Close()
	a := &answer{t: t, call: method + " " + address, status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(a.body, &a.json) // pages and empty answers are no JSON
	return a
}

// api calls the JSON API.
func (p *product) api(t testing.TB, method, path, bearer string, body any) *answer {
	t.Helper()
	return p.request(t, method, p.url+"/api/v1"+path, bearer, body, nil)
}

// want fails the test unless the status is one of those given.
func (a *answer) want(statuses ...int) *answer {
	a.t.Helper()
	for _, s := range statuses {
		if a.status == s {
			return a
		}
	}
	a.t.Fatalf("%s: %d, want %v: %s", a.call, a.status, statuses, a.body)
	return a
}

// problem fails the test unless the answer is a problem document with the code.
func (a *answer) problem(status int, code string) {
	a.t.Helper()
	if a.status != status || a.json["code"] != code {
		a.t.Errorf("%s: %d %v, want %d %s: %.300s", a.call, a.status, a.json["code"], status, code, a.body)
	}
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "application/problem+json") {
		a.t.Errorf("%s: content type %q", a.call, got)
	}
}

// at follows keys into the answer.
func (a *answer) at(path string) any {
	a.t.Helper()
	var v any = a.json
	for _, key := range strings.Split(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			a.t.Fatalf("%s: no %s in %s", a.call, path, a.body)
		}
		v = m[key]
	}
	return v
}

func (a *answer) str(path string) string {
	a.t.Helper()
	s, ok := a.at(path).(string)
	if !ok {
		a.t.Fatalf("%s: %s is no text in %s", a.call, path, a.body)
	}
	return s
}

// visitor is a fan who talks to the API.
type visitor struct {
	*show
	t         testing.TB
	bearer    string
	admission string
	// email and cookie are known of fans who were made for it.
	email, cookie string
}

// called joins and waits for the turn.
func (s *show) called(t testing.TB, bearer string) *visitor {
	t.Helper()
	v := &visitor{show: s, t: t, bearer: bearer}
	v.api(t, "POST", "/events/"+s.id+"/queue", bearer, nil).want(200, 201)
	v.until("the fan is called", func() bool {
		a := v.api(t, "GET", "/events/"+s.id+"/queue", bearer, nil).want(200)
		if a.json["admission"] == nil {
			return false
		}
		v.admission = a.str("admission.token")
		return true
	})
	return v
}

// tryClaim asks for tickets of the first tier.
func (v *visitor) tryClaim(quantity any) *answer {
	v.t.Helper()
	return v.request(v.t, "POST", v.url+"/api/v1/events/"+v.id+"/claims", v.bearer, map[string]any{"tier_id": v.tiers[0], "quantity": quantity},
		map[string]string{"Admission": v.admission})
}

// claim holds tickets and returns the claim's id.
func (v *visitor) claim(quantity int) string {
	v.t.Helper()
	return v.tryClaim(quantity).want(201).str("id")
}

// pay starts a payment and returns its id and reference.
func (v *visitor) pay(claim string) (id, reference string) {
	v.t.Helper()
	a := v.api(v.t, "POST", "/claims/"+claim+"/payments", v.bearer, nil).want(201)
	return a.str("payment.id"), a.str("payment.reference")
}

// tickets are the codes of the valid tickets of the event.
func (v *visitor) tickets() (codes []string) {
	v.t.Helper()
	for _, x := range v.api(v.t, "GET", "/tickets", v.bearer, nil).want(200).json["tickets"].([]any) {
		if m := x.(map[string]any); m["event_id"] == v.id && m["status"] == "valid" {
			codes = append(codes, m["code"].(string))
		}
	}
	return codes
}
