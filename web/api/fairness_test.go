package api

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/sale"
	"fairqueue/internal/verify"
)

// lobby publishes a sale with a draw whose lobby is open; it does not open by itself.
func (s *stack) lobby(org string, change func(event, sale map[string]any)) (event string) {
	s.Helper()
	event, _ = s.open(org, func(e, sale map[string]any) {
		now := time.Now().UTC()
		sale["ordering"], sale["lobby_opens_at"], sale["opens_at"] = "draw", now.Add(-time.Minute), now.Add(time.Hour)
		if change != nil {
			change(e, sale)
		}
	})
	return event
}

// join lets n new fans join and returns their tokens.
func (s *stack) join(event string, n int) (fans []string) {
	s.Helper()
	for range n {
		token, _ := s.somebody(randomID() + "@example.com")
		s.do("POST", "/api/v1/events/"+event+"/queue", token, "").want(201, "")
		fans = append(fans, token)
	}
	return fans
}

func (s *stack) fairness(event string) *answer {
	s.Helper()
	return s.do("GET", "/api/v1/events/"+event+"/fairness", "", "").want(200, "")
}

func (s *stack) verified(base, event string, arrivals ...int64) *verify.Report {
	s.Helper()
	r, err := verify.Run(s.Context(), verify.Config{URL: base, Event: event, HTTP: s.client, Arrivals: arrivals})
	s.must(err)
	return r
}

// called steps the line until a number was called.
func (s *stack) called(event string, number int64) {
	s.Helper()
	for range 60 {
		if s.fairness(event).get("serving").(float64) >= float64(number) {
			return
		}
		s.drip()
	}
	s.Fatalf("number %d was never called", number)
}

// sealed waits for the first block of the ledger, which no transaction that still runs anywhere in the cluster may belong to.
func (s *stack) sealed() {
	s.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		s.must(ledger.Seal(s.Context(), s.pool))
		blocks, _, err := ledger.Head(s.Context(), s.pool)
		s.must(err)
		if blocks > 0 {
			return
		}
		select {
		case <-again.C:
		case <-deadline.C:
			s.Fatal("no block was sealed")
		}
	}
}

func TestADrawIsPublicAndVerifies(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	event := s.lobby(org, nil)
	fans := s.join(event, 12)
	path := "/api/v1/events/" + event

	// In the lobby: committed, and nothing else.
	a := s.fairness(event)
	for _, key := range []string{"secret", "root", "lobby_size", "beacon", "seed", "drawn_at"} {
		if v := a.get("draw", key); v != nil {
			t.Errorf("%s is %v before the draw", key, v)
		}
	}
	commitment := a.text("draw", "commitment")
	if len(commitment) != 64 || a.get("sale_state") != "lobby" || a.get("draw", "algorithm") != "swap-or-not-90-sha256" || a.get("draw", "committed_at") == nil {
		t.Errorf("%s", a.body)
	}
	s.do("GET", path+"/fairness/leaves", "", "").want(409, "not_drawn")
	s.do("GET", path+"/fairness/proof?arrival=1", "", "").want(409, "not_drawn")
	if r := s.verified(s.server.URL, event); !r.OK {
		t.Errorf("%+v", r.Checks)
	}

	if a := s.do("POST", "/api/v1/organizer/events/"+event+"/open", org, "").want(200, ""); a.get("sale", "state") != "open" {
		t.Errorf("%s", a.body)
	}
	late := s.join(event, 2)
	// At once, whatever was told a moment ago.
	a = s.fairness(event)
	if a.text("draw", "commitment") != commitment || a.get("draw", "lobby_size") != 12.0 || a.get("draw", "drawn_at") == nil {
		t.Errorf("%s", a.body)
	}
	secret, err := hex.DecodeString(a.text("draw", "secret"))
	sum := sha256.Sum256(secret)
	if err != nil || hex.EncodeToString(sum[:]) != commitment {
		t.Errorf("the secret is not that of the commitment: %v", err)
	}
	s.do("POST", "/api/v1/organizer/events/"+event+"/beacon", org, `{"value":"x"}`).want(409, "invalid_transition")

	// What a fan is told is what anybody can recompute.
	arrivals := []int64{}
	for i := range 14 {
		arrivals = append(arrivals, int64(i)+1)
	}
	s.called(event, 14)
	s.sealed()
	if a := s.do("GET", "/api/v1/events/"+s.lobby(org, nil)+"/fairness", "", "").want(200, ""); a.get("ledger", "blocks") == 0.0 || strings.Trim(a.text("ledger", "head"), "0") == "" {
		t.Errorf("%s", a.body)
	}
	r := s.verified(s.server.URL, event, arrivals...)
	if !r.OK {
		t.Fatalf("%+v", r.Checks)
	}
	for i, fan := range append(fans, late...) {
		if n := s.do("GET", path+"/queue", fan, "").want(200, "").get("spot", "number"); n != float64(r.Numbers[i]) {
			t.Errorf("arrival %d has number %v, and should have %d", i+1, n, r.Numbers[i])
		}
	}
	if r.Numbers[12] != 13 || r.Numbers[13] != 14 {
		t.Errorf("late arrivals got the numbers %v", r.Numbers[12:])
	}

	// The lists have pages.
	var leaves []any
	for cursor := ""; ; {
		a := s.do("GET", path+"/fairness/leaves?limit=5&cursor="+cursor, "", "").want(200, "")
		leaves = append(leaves, a.get("leaves").([]any)...)
		if a.json["next_cursor"] == nil {
			break
		}
		cursor = a.text("next_cursor")
	}
	if len(leaves) != 12 {
		t.Errorf("%d leaves", len(leaves))
	}
	a = s.do("GET", path+"/fairness/proof?arrival=7", "", "").want(200, "")
	if a.get("leaf") != leaves[6] || a.get("tree_size") != 12.0 {
		t.Errorf("%s", a.body)
	}
	for _, arrival := range []string{"0", "-1", "13", "9223372036854775807"} {
		s.do("GET", path+"/fairness/proof?arrival="+arrival, "", "").want(404, "not_in_lobby")
	}
	for _, arrival := range []string{"", "x", "1.5", "9223372036854775808"} {
		s.do("GET", path+"/fairness/proof?arrival="+arrival, "", "").want(422, "invalid_request")
	}
	s.do("GET", path+"/fairness/admissions?limit=1", "", "").want(200, "")
	s.do("GET", path+"/fairness/exceptions", "", "").want(200, "")
	for _, list := range []string{"leaves", "admissions", "exceptions"} {
		s.do("GET", path+"/fairness/"+list+"?cursor=somebodys-own", "", "").want(422, "invalid_request")
	}

	s.alteredBytes(event)
}

// alteredBytes puts a server between that alters one byte of one answer: the check that fails names it.
func (s *stack) alteredBytes(event string) {
	s.Helper()
	target, err := url.Parse(s.server.URL)
	s.must(err)
	var mu sync.Mutex
	suffix, key := "", ""
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = s.client.Transport
	proxy.ModifyResponse = func(res *http.Response) error {
		var b bytes.Buffer
		if _, err := b.ReadFrom(res.Body); err != nil {
			return err
		}
		_ = res.Body.Close()
		out := b.Bytes()
		mu.Lock()
		if i := bytes.Index(out, []byte(`"`+key+`":`)); strings.HasSuffix(res.Request.URL.Path, suffix) && i >= 0 {
			at := i + len(key) + 3 + bytes.IndexAny(out[i+len(key)+3:], "0123456789abcdef")
			out[at] = map[bool]byte{true: '2', false: '1'}[out[at] == '1']
		}
		mu.Unlock()
		res.Body, res.ContentLength = httpBody(out), int64(len(out))
		res.Header.Set("Content-Length", strconv.Itoa(len(out)))
		return nil
	}
	between := httptest.NewServer(proxy)
	defer between.Close()
	for _, c := range []struct{ suffix, key, name string }{
		{"/fairness", "commitment", verify.Commitment},
		{"/fairness", "secret", verify.Commitment},
		{"/fairness", "root", verify.Root},
		{"/fairness", "seed", verify.Seed},
		{"/fairness/leaves", "leaves", verify.Root},
		{"/fairness/proof", "path", verify.Proofs},
		{"/fairness/proof", "leaf", verify.Proofs},
		{"/fairness/admissions", "from_number", verify.Admissions},
	} {
		mu.Lock()
		suffix, key = c.suffix, c.key
		mu.Unlock()
		r := s.verified(between.URL, event)
		if r.OK || !slices.ContainsFunc(r.Checks, func(x verify.Check) bool { return x.Status == verify.Fail && x.Name == c.name }) {
			s.Errorf("%s of %s altered: %+v", c.key, c.suffix, r.Checks)
		}
	}
}

type body struct{ *bytes.Reader }

func (body) Close() error { return nil }

func httpBody(b []byte) body { return body{bytes.NewReader(b)} }

func TestADrawAwaitsItsBeacon(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org, other := s.organizer("org@example.com"), s.organizer("other@example.com")
	named := func(_, sale map[string]any) {
		sale["beacon"] = map[string]any{"name": "the dice of the mayor", "round": 3, "url": "https://dice.example/3"}
	}
	event := s.lobby(org, named)
	beacon := "/api/v1/organizer/events/" + event + "/beacon"
	fan := s.join(event, 3)[0]
	s.do("POST", beacon, org, `{"value":"six"}`).want(409, "invalid_transition") // nobody could know it yet

	a := s.do("POST", "/api/v1/organizer/events/"+event+"/open", org, "").want(202, "")
	if a.get("sale", "state") != "lobby" {
		t.Errorf("%s", a.body)
	}
	a = s.fairness(event)
	if a.get("draw", "root") == nil || a.get("draw", "lobby_size") != 3.0 || a.get("draw", "seed") != nil || a.get("draw", "secret") != nil ||
		a.get("draw", "beacon", "round") != 3.0 || a.get("draw", "beacon", "value") != nil {
		t.Errorf("%s", a.body)
	}
	s.join(event, 1) // behind
	for _, c := range []struct {
		token, body string
		status      int
		code        string
	}{
		{"", `{"value":"six"}`, 401, "unauthorized"},
		{fan, `{"value":""}`, 404, "event_not_found"},
		{other, `{"value":"six"}`, 404, "event_not_found"},
		{org, ``, 422, "invalid_request"},
		{org, `{}`, 422, "invalid_request"},
		{org, `{"value":""}`, 422, "invalid_request"},
		{org, `{"value":"   "}`, 422, "invalid_request"},
		{org, `{"value":7}`, 422, "invalid_request"},
		{org, `{"value":"` + strings.Repeat("a", 1001) + `"}`, 422, "invalid_request"},
		{org, `{"value":"six","without":true}`, 422, "invalid_request"},
		{org, `{"without":false}`, 422, "invalid_request"},
		{org, `{"round":3}`, 422, "invalid_request"},
	} {
		s.do("POST", beacon, c.token, c.body).want(c.status, c.code)
	}
	if r := s.verified(s.server.URL, event, 1); !r.OK || r.Numbers[0] != 0 {
		t.Errorf("%+v", r)
	}

	if a := s.do("POST", beacon, org, `{"value":"six"}`).want(200, ""); a.get("sale", "state") != "open" {
		t.Errorf("%s", a.body)
	}
	s.do("POST", beacon, org, `{"value":"one"}`).want(409, "invalid_transition")
	if a := s.fairness(event); a.get("draw", "beacon", "value") != "six" || a.get("draw", "seed") == nil {
		t.Errorf("%s", a.body)
	}
	if r := s.verified(s.server.URL, event, 4); !r.OK || r.Numbers[0] != 4 {
		t.Errorf("%+v", r)
	}

	// Without it, for all to see.
	event = s.lobby(org, named)
	s.join(event, 2)
	s.do("POST", "/api/v1/organizer/events/"+event+"/open", org, "").want(202, "")
	if a := s.do("POST", "/api/v1/organizer/events/"+event+"/beacon", org, `{"without":true}`).want(200, ""); a.get("sale", "state") != "open" {
		t.Errorf("%s", a.body)
	}
	if a := s.fairness(event); a.get("draw", "beacon", "name") != "the dice of the mayor" || a.get("draw", "beacon", "value") != nil || a.get("draw", "drawn_at") == nil {
		t.Errorf("%s", a.body)
	}
	r := s.verified(s.server.URL, event)
	if !r.OK || !slices.ContainsFunc(r.Checks, func(c verify.Check) bool { return strings.Contains(c.Says, "went on without it") }) {
		t.Errorf("%+v", r.Checks)
	}
}

func TestABeaconsRoundThatIsPastIsRefused(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	for _, round := range []int64{1, 5_000_000} {
		event := s.draft(org, func(_, sale map[string]any) {
			sale["ordering"], sale["opens_at"] = "draw", time.Now().UTC().Add(time.Hour)
			sale["beacon"] = map[string]any{"name": "drand quicknet", "round": round}
		})
		a := s.do("POST", "/api/v1/organizer/events/"+event+"/publish", org, "").want(422, "invalid_request")
		if f := a.get("errors").([]any)[0].(map[string]any); f["path"] != "sale.beacon.round" {
			t.Errorf("%s", a.body)
		}
		if a := s.do("GET", "/api/v1/events/"+event, org, ""); a.get("sale", "state") != "draft" {
			t.Errorf("%s", a.body)
		}
	}
}

func TestEndingBeforeTheDrawRevealsTheSecret(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	event := s.lobby(org, nil)
	s.join(event, 2)
	s.do("POST", "/api/v1/organizer/events/"+event+"/end", org, "").want(200, "")
	if a := s.fairness(event); a.get("draw", "secret") == nil || a.get("draw", "drawn_at") != nil || a.get("draw", "seed") != nil {
		t.Errorf("%s", a.body)
	}
	if r := s.verified(s.server.URL, event, 1); !r.OK || r.Numbers[0] != 0 {
		t.Errorf("%+v", r)
	}
}

func TestAFifoSaleIsPublicToo(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	event, _ := s.open(org, nil)
	fans := s.join(event, 5)
	s.called(event, 5)
	s.do("DELETE", "/api/v1/events/"+event+"/queue", fans[1], "").want(204, "")
	s.do("POST", "/api/v1/events/"+event+"/queue", fans[1], "").want(200, "")
	a := s.fairness(event)
	for key, v := range a.get("draw").(map[string]any) {
		if v != nil && key != "algorithm" {
			t.Errorf("%s is %v", key, v)
		}
	}
	var keys []string
	for key := range a.json {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if !slices.Equal(keys, []string{"admissions", "draw", "exceptions", "invariants", "ledger", "names_corrected", "ordering", "sale_state", "serving"}) {
		t.Errorf("%v", keys)
	}
	if invariants := a.get("invariants").(map[string]any); len(invariants) != 10 || invariants["no_overtaking"] != 0.0 {
		t.Errorf("%v", invariants)
	}
	s.do("GET", "/api/v1/events/"+event+"/fairness/leaves", "", "").want(409, "not_drawn")
	s.do("GET", "/api/v1/events/"+event+"/fairness/proof?arrival=1", "", "").want(409, "not_drawn")
	x := s.do("GET", "/api/v1/events/"+event+"/fairness/exceptions", "", "").want(200, "").get("exceptions").([]any)
	if len(x) != 1 || x[0].(map[string]any)["rule"] != "behind" || x[0].(map[string]any)["number"] != 2.0 {
		t.Errorf("%v", x)
	}
	if r := s.verified(s.server.URL, event, 4); !r.OK || r.Numbers[0] != 4 {
		t.Errorf("%+v", r)
	}
}

func TestADraftIsPublicToItsOwnOnly(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org, other := s.organizer("org@example.com"), s.organizer("other@example.com")
	draft := s.draft(org, func(_, sale map[string]any) {
		sale["ordering"], sale["opens_at"] = "draw", time.Now().UTC().Add(time.Hour)
	})
	for _, path := range []string{"", "/leaves", "/proof?arrival=x", "/admissions?limit=0", "/exceptions"} {
		s.do("GET", "/api/v1/events/"+draft+"/fairness"+path, "", "").want(404, "event_not_found")
		s.do("GET", "/api/v1/events/"+draft+"/fairness"+path, other, "").want(404, "event_not_found")
		s.do("GET", "/api/v1/events/"+draft+"/fairness"+path, "rubbish", "").want(401, "unauthorized")
	}
	if a := s.do("GET", "/api/v1/events/"+draft+"/fairness", org, "").want(200, ""); a.get("draw", "commitment") != nil {
		t.Errorf("%s", a.body)
	}
}

func TestAReceiptIsSignedAndSaysWhereOneStands(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	event := s.lobby(org, nil)
	s.join(event, 1)
	fan := s.join(event, 1)[0]
	stranger, _ := s.somebody("stranger@example.com")
	path := "/api/v1/events/" + event + "/queue/receipt"
	s.do("GET", path, "", "").want(401, "unauthorized")
	s.do("GET", path, stranger, "").want(404, "not_in_queue")
	s.do("GET", "/api/v1/events/nothing/queue/receipt", fan, "").want(404, "event_not_found")

	parts := strings.Split(s.do("GET", path, fan, "").want(200, "").text("receipt"), ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	key := s.do("GET", "/.well-known/jwks.json", "", "").get("keys").([]any)[0].(map[string]any)
	raw := func(text string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(text)
		s.must(err)
		return b
	}
	if !ed25519.Verify(raw(key["x"].(string)), []byte(parts[0]+"."+parts[1]), raw(parts[2])) {
		t.Error("the signature does not verify")
	}
	var claims map[string]any
	s.must(json.Unmarshal(raw(parts[1]), &claims))
	place := s.do("GET", "/api/v1/events/"+event+"/queue", fan, "")
	for name, want := range map[string]any{
		"iss": s.server.URL, "event": event, "spot": place.get("spot", "id"), "arrival": 2.0, "commitment": s.fairness(event).get("draw", "commitment"),
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if claims["joined_at"] == nil || claims["iat"] == nil || strings.Contains(fmt.Sprint(claims), "example.com") {
		t.Errorf("%v", claims)
	}
}

// However many ask, the answer about one picture of a sale is made once, and an error is kept for nobody.
func TestManyWhoLookAreAnsweredOnce(t *testing.T) {
	t.Parallel()
	var p pictures
	one, two := &sale.Snapshot{}, &sale.Snapshot{}
	made := 0
	started, goOn := make(chan struct{}), make(chan struct{})
	build := func(context.Context) ([]byte, error) {
		made++
		close(started)
		<-goOn
		return []byte("one"), nil
	}
	var wg sync.WaitGroup
	ask := func() {
		wg.Go(func() {
			if b, err := p.get(t.Context(), one, build); string(b) != "one" || err != nil {
				t.Errorf("%q %v", b, err)
			}
		})
	}
	ask()
	<-started
	for range 50 {
		ask()
	}
	// Who does not want to wait goes, and the answer is made all the same.
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := p.get(gone, one, build); fault.From(err).Kind != fault.Unavailable {
		t.Errorf("%v", err)
	}
	close(goOn)
	wg.Wait()
	if made != 1 {
		t.Errorf("made %d times", made)
	}

	broken := errors.New("the database is away")
	if _, err := p.get(t.Context(), two, func(context.Context) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	b, err := p.get(t.Context(), two, func(context.Context) ([]byte, error) { return []byte("two"), nil })
	if string(b) != "two" || err != nil {
		t.Errorf("%q %v", b, err)
	}
}
