package api

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/account"
	"fairqueue/internal/fault"
	"fairqueue/internal/guard"
)

// TestErrorsComeInTheirOrder sends requests with several things wrong at once:
// what CONTRACT.md decides first is what comes back.
func TestErrorsComeInTheirOrder(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org, otherOrg := s.organizer("org@example.com"), s.organizer("other@example.com")
	fan, _ := s.somebody("fan@example.com")
	waiting, _ := s.somebody("waiting@example.com")
	_, expiredOf := s.somebody("expired@example.com")
	expired, _ := s.accounts.Issue(account.Bearer, expiredOf, -time.Minute)
	cookie, _ := s.accounts.Issue(account.Session, expiredOf, time.Hour)
	event, tiers := s.open(org, nil)
	draft := s.draft(org, nil)
	later, _ := s.open(org, func(_, sale map[string]any) { sale["opens_at"] = time.Now().Add(time.Hour) })
	ended, _ := s.open(org, nil)
	s.do("POST", "/api/v1/organizer/events/"+ended+"/end", org, "").want(200, "")

	admission := s.turn(fan, event)
	claim := s.do("POST", "/api/v1/events/"+event+"/claims", fan, claimBody(tiers[0], 1), "Admission", admission).want(201, "").text("id")
	s.do("PATCH", "/api/v1/organizer/events/"+event+"/sale", org, `{"max_inside":1}`).want(200, "")
	s.do("POST", "/api/v1/events/"+event+"/queue", waiting, "").want(201, "")

	const v1 = "/api/v1"
	ev, cl, tk, pm := v1+"/events/", v1+"/claims/", v1+"/tickets/", v1+"/payments/"
	oe := v1 + "/organizer/events"
	junk, unknown, huge := `{"quantity":`, `{"nobody_knows":1}`, `{"x":"`+strings.Repeat("a", maxBody)+`"}`
	flipped := strings.TrimSuffix(fan, fan[len(fan)-1:]) + map[bool]string{true: "A", false: "B"}[fan[len(fan)-1] != 'A']

	for _, c := range []struct {
		name               string
		method, path       string
		token, body, admit string
		status             int
		code               string
	}{
		// 401 before everything.
		{"no token, no event, junk", "POST", ev + "nothing/queue", "", junk, "", 401, "unauthorized"},
		{"forged token", "POST", ev + event + "/queue", flipped, "", "", 401, "unauthorized"},
		{"rubbish for a token", "GET", ev + event + "/queue", "rubbish", "", "", 401, "unauthorized"},
		{"expired token", "GET", v1 + "/tickets", expired, "", "", 401, "unauthorized"},
		{"a session cookie is no bearer", "GET", v1 + "/tickets", cookie, "", "", 401, "unauthorized"},
		{"claims without a token", "POST", ev + "nothing/claims", "", huge, "", 401, "unauthorized"},
		{"claim without a token", "GET", cl + randomID(), "", "", "", 401, "unauthorized"},
		{"extend without a token", "POST", cl + randomID() + "/extend", "", junk, "", 401, "unauthorized"},
		{"release without a token", "DELETE", cl + randomID(), "", "", "", 401, "unauthorized"},
		{"pay without a token", "POST", cl + claim + "/payments", "", junk, "", 401, "unauthorized"},
		{"payment without a token", "GET", pm + randomID(), "", "", "", 401, "unauthorized"},
		{"transfer without a token", "POST", tk + randomID() + "/transfer", "", "", "", 401, "unauthorized"},
		{"create without a token", "POST", oe, "", huge, "", 401, "unauthorized"},
		{"publish without a token", "POST", oe + "/nothing/publish", "", "", "", 401, "unauthorized"},
		{"patch without a token", "PATCH", oe + "/nothing/sale", "", junk, "", 401, "unauthorized"},
		{"stats without a token", "GET", oe + "/nothing/stats", "", "", "", 401, "unauthorized"},
		{"orders without a token", "GET", oe + "/nothing/orders", "", "", "", 401, "unauthorized"},
		{"a beacon without a token", "POST", oe + "/nothing/beacon", "", junk, "", 401, "unauthorized"},
		{"a receipt without a token", "GET", ev + "nothing/queue/receipt", "", "", "", 401, "unauthorized"},
		{"fairness with a forged token", "GET", ev + "nothing/fairness", flipped, "", "", 401, "unauthorized"},
		{"leaves with a forged token", "GET", ev + event + "/fairness/leaves?limit=0", flipped, "", "", 401, "unauthorized"},
		{"a stream with a forged token", "GET", ev + event + "/queue/stream", flipped, "", "", 401, "unauthorized"},

		// 404 before the rest.
		{"unknown event, huge body", "POST", ev + "nothing/queue", fan, huge, "", 404, "event_not_found"},
		{"unknown event, no admission, junk", "POST", ev + "nothing/claims", fan, junk, "", 404, "event_not_found"},
		{"an id of nobody", "GET", ev + randomID(), "", "", "", 404, "event_not_found"},
		{"what cannot be an id", "GET", ev + "%00%27--", "", "", "", 404, "event_not_found"},
		{"a very long slug", "GET", ev + strings.Repeat("a", 5000), "", "", "", 404, "event_not_found"},
		{"a draft", "POST", ev + draft + "/queue", fan, "", "", 404, "event_not_found"},
		{"a draft's stream", "GET", ev + draft + "/queue/stream", "", "", "", 404, "event_not_found"},
		{"a draft's fairness", "GET", ev + draft + "/fairness", fan, "", "", 404, "event_not_found"},
		{"a proof of nowhere", "GET", ev + "nothing/fairness/proof", "", "", "", 404, "event_not_found"},
		{"steps of nowhere", "GET", ev + "nothing/fairness/admissions?limit=x", "", "", "", 404, "event_not_found"},
		{"a receipt of nobody", "GET", ev + event + "/queue/receipt", org, "", "", 404, "not_in_queue"},
		{"another organizer's beacon, huge", "POST", oe + "/" + event + "/beacon", otherOrg, huge, "", 404, "event_not_found"},
		{"somebody else's claim, junk", "POST", cl + claim + "/extend", waiting, junk, "", 404, "claim_not_found"},
		{"somebody else's claim, read", "GET", cl + claim, waiting, "", "", 404, "claim_not_found"},
		{"somebody else's claim, released", "DELETE", cl + claim, waiting, "", "", 404, "claim_not_found"},
		{"somebody else's claim, paid", "POST", cl + claim + "/payments", waiting, huge, "", 404, "claim_not_found"},
		{"no claim at all", "GET", cl + "7", fan, "", "", 404, "claim_not_found"},
		{"no payment at all", "GET", pm + randomID(), fan, "", "", 404, "payment_not_found"},
		{"a payment that is no id", "GET", pm + "x", fan, "", "", 404, "payment_not_found"},
		{"no ticket at all", "POST", tk + randomID() + "/transfer", fan, junk, "", 404, "ticket_not_found"},
		{"not in line", "GET", ev + event + "/queue", org, "", "", 404, "not_in_queue"},
		{"leave without a place, junk", "DELETE", ev + event + "/queue", org, junk, "", 404, "not_in_queue"},
		{"a fan publishes", "POST", oe + "/" + draft + "/publish", fan, "", "", 404, "event_not_found"},
		{"a fan pauses a public event", "POST", oe + "/" + event + "/pause", fan, "", "", 404, "event_not_found"},
		{"another organizer pauses", "POST", oe + "/" + event + "/pause", otherOrg, junk, "", 404, "event_not_found"},
		{"another organizer's figures", "GET", oe + "/" + event + "/stats", otherOrg, "", "", 404, "event_not_found"},
		{"another organizer's orders", "GET", oe + "/" + event + "/orders?limit=x", otherOrg, "", "", 404, "event_not_found"},
		{"another organizer changes", "PATCH", oe + "/" + event + "/sale", otherOrg, junk, "", 404, "event_not_found"},

		// 403 before the body.
		{"no admission, huge body", "POST", ev + event + "/claims", waiting, huge, "", 403, "not_admitted"},
		{"somebody else's admission, junk", "POST", ev + event + "/claims", waiting, junk, admission, 403, "not_admitted"},
		{"a forged admission", "POST", ev + event + "/claims", fan, unknown, admission[:len(admission)-4] + "AAAA", 403, "not_admitted"},
		{"an admission of another event", "POST", ev + later + "/claims", fan, junk, admission, 403, "not_admitted"},
		{"a fan creates, huge body", "POST", oe, fan, huge, "", 403, "not_organizer"},

		// 413 before 422.
		{"huge", "POST", ev + event + "/queue", waiting, huge, "", 413, "body_too_large"},
		{"huge claim", "POST", ev + event + "/claims", fan, huge, admission, 413, "body_too_large"},
		{"huge code", "POST", v1 + "/auth/code", "", huge, "", 413, "body_too_large"},
		{"huge event", "POST", oe, org, huge, "", 413, "body_too_large"},
		{"huge beacon", "POST", oe + "/" + event + "/beacon", org, huge, "", 413, "body_too_large"},
		{"huge extend", "POST", cl + claim + "/extend", fan, huge, "", 413, "body_too_large"},

		// 422 before 409.
		{"malformed claim", "POST", ev + event + "/claims", fan, junk, admission, 422, "invalid_request"},
		{"claim with an unknown field", "POST", ev + event + "/claims", fan, unknown, admission, 422, "invalid_request"},
		{"quantity 0", "POST", ev + event + "/claims", fan, claimBody(tiers[0], 0), admission, 422, "invalid_request"},
		{"quantity -1", "POST", ev + event + "/claims", fan, claimBody(tiers[0], -1), admission, 422, "invalid_request"},
		{"quantity 10^9", "POST", ev + event + "/claims", fan, claimBody(tiers[0], 1e9), admission, 422, "invalid_request"},
		{"a tier of nowhere", "POST", ev + event + "/claims", fan, claimBody(randomID(), 1), admission, 422, "invalid_request"},
		{"something after the body", "POST", ev + event + "/claims", fan, claimBody(tiers[0], 1) + "{}", admission, 422, "invalid_request"},
		{"join an ended sale with a body", "POST", ev + ended + "/queue", fan, unknown, "", 422, "invalid_request"},
		{"join with an array", "POST", ev + event + "/queue", waiting, `[]`, "", 422, "invalid_request"},
		{"extend with a field", "POST", cl + claim + "/extend", fan, `{"seconds":1}`, "", 422, "invalid_request"},
		{"pay with a field", "POST", cl + claim + "/payments", fan, `{"amount":1}`, "", 422, "invalid_request"},
		{"release with junk", "DELETE", cl + claim, fan, junk, "", 422, "invalid_request"},
		{"publish twice with junk", "POST", oe + "/" + event + "/publish", org, junk, "", 422, "invalid_request"},
		{"patch with an unknown field", "PATCH", oe + "/" + event + "/sale", org, unknown, "", 422, "invalid_request"},
		{"patch out of range", "PATCH", oe + "/" + event + "/sale", org, `{"max_inside":0}`, "", 422, "invalid_request"},
		{"patch to null", "PATCH", oe + "/" + event + "/sale", org, `{"max_inside":null}`, "", 422, "invalid_request"},
		{"create with nothing", "POST", oe, org, "", "", 422, "invalid_request"},
		{"create with seats", "POST", oe, org, `{"seat_map":{}}`, "", 422, "invalid_request"},
		{"no e-mail address", "POST", v1 + "/auth/code", "", `{"email":"ada"}`, "", 422, "invalid_request"},
		{"a beacon with nothing", "POST", oe + "/" + event + "/beacon", org, "{}", "", 422, "invalid_request"},
		{"a beacon that is a number", "POST", oe + "/" + draft + "/beacon", org, `{"value":1}`, "", 422, "invalid_request"},
		{"a proof of nothing", "GET", ev + event + "/fairness/proof", "", "", "", 422, "invalid_request"},
		{"leaves with a cursor of one's own", "GET", ev + event + "/fairness/leaves?cursor=x", "", "", "", 422, "invalid_request"},
		{"a number for a code", "POST", v1 + "/auth/token", "", `{"email":"a@example.com","code":123456}`, "", 422, "invalid_request"},
		{"limit 0", "GET", v1 + "/events?limit=0", "", "", "", 422, "invalid_request"},
		{"limit of letters", "GET", v1 + "/tickets?limit=ten", fan, "", "", 422, "invalid_request"},
		{"limit below 0", "GET", oe + "/" + event + "/orders?limit=-1", org, "", "", 422, "invalid_request"},
		{"a cursor of somebody's own making", "GET", v1 + "/events?cursor=%00%00", "", "", "", 422, "invalid_request"},
		{"a cursor that looks like one", "GET", v1 + "/events?cursor=abcdef", "", "", "", 422, "invalid_request"},

		// 409 last.
		{"join before it opens", "POST", ev + later + "/queue", fan, "", "", 409, "sale_not_joinable"},
		{"join after the end", "POST", ev + ended + "/queue", fan, "{}", "", 409, "sale_not_joinable"},
		{"a second claim", "POST", ev + event + "/claims", fan, claimBody(tiers[0], 1), admission, 409, "claim_open"},
		{"leave while holding", "DELETE", ev + event + "/queue", fan, "", "", 409, "claim_open"},
		{"publish twice", "POST", oe + "/" + event + "/publish", org, "", "", 409, "invalid_transition"},
		{"a beacon that nobody awaits", "POST", oe + "/" + event + "/beacon", org, `{"value":"six"}`, "", 409, "invalid_transition"},
		{"a beacon for a draft", "POST", oe + "/" + draft + "/beacon", org, `{"without":true}`, "", 409, "invalid_transition"},
		{"leaves without a draw", "GET", ev + event + "/fairness/leaves", "", "", "", 409, "not_drawn"},
		{"a proof without a draw", "GET", ev + event + "/fairness/proof?arrival=1", "", "", "", 409, "not_drawn"},
		{"pause a draft", "POST", oe + "/" + draft + "/pause", org, "", "", 409, "invalid_transition"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := *s
			at.TB = t
			header := []string{}
			if c.admit != "" {
				header = append(header, "Admission", c.admit)
			}
			at.do(c.method, c.path, c.token, c.body, header...).want(c.status, c.code)
		})
	}

	// Nothing changed.
	if a := s.do("GET", cl+claim, fan, "").want(200, ""); a.get("status") != "held" {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", oe+"/"+event+"/stats", org, "").want(200, ""); a.get("stock", "held") != 1.0 || a.get("stock", "sold") != 0.0 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", ev+later, "", ""); a.get("sale", "state") != "scheduled" {
		t.Errorf("%s", a.body)
	}
}

func TestConflictsSayWhatGoesWithThem(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	event, tiers := s.open(org, func(e, sale map[string]any) {
		e["tiers"] = []map[string]any{{"name": "Stands", "price_kobo": 100, "capacity": 3}}
		sale["max_tickets_per_fan"] = 4
	})
	a, _ := s.somebody("a@example.com")
	b, _ := s.somebody("b@example.com")
	admitA, admitB := s.turn(a, event), s.turn(b, event)
	path := "/api/v1/events/" + event + "/claims"
	if x := s.do("POST", path, a, claimBody(tiers[0], 5), "Admission", admitA).want(409, "limit_reached"); x.get("left") != 4.0 {
		t.Errorf("%s", x.body)
	}
	// The token was used: whatever came of it, the fan is inside.
	inside := func(token string) {
		t.Helper()
		if x := s.do("GET", "/api/v1/events/"+event+"/queue", token, "").want(200, ""); x.get("spot", "status") != "inside" {
			t.Errorf("%s", x.body)
		}
	}
	inside(a)
	if x := s.do("POST", path, a, claimBody(tiers[0], 4), "Admission", admitA).want(409, "not_enough_left"); x.get("left") != 3.0 {
		t.Errorf("%s", x.body)
	}
	s.do("POST", path, a, claimBody(tiers[0], 3), "Admission", admitA).want(201, "")
	s.do("POST", path, b, claimBody(tiers[0], 1), "Admission", admitB).want(409, "sold_out")
	inside(b)
	// Held, not sold: the sale is open with nothing available.
	s.must(s.sales.Refresh(t.Context()))
	x := s.do("GET", "/api/v1/events/"+event, "", "")
	if x.get("sale", "state") != "open" || x.get("tiers").([]any)[0].(map[string]any)["available"] != 0.0 {
		t.Errorf("%s", x.body)
	}

	opens := time.Now().Add(2 * time.Hour).UTC().Truncate(time.Second)
	later, _ := s.open(org, func(_, sale map[string]any) {
		sale["opens_at"], sale["lobby_opens_at"] = opens, opens.Add(-time.Hour)
	})
	if x := s.do("POST", "/api/v1/events/"+later+"/queue", a, "").want(409, "sale_not_joinable"); x.get("joinable_at") != opens.Add(-time.Hour).Format(time.RFC3339) {
		t.Errorf("%s", x.body)
	}
	full, _ := s.open(org, func(_, sale map[string]any) { sale["max_waiting"], sale["admit_per_minute"] = 1, 1 })
	s.do("POST", "/api/v1/events/"+full+"/queue", a, "").want(201, "")
	s.do("POST", "/api/v1/events/"+full+"/queue", b, "").want(409, "line_full")

	taken := s.do("POST", "/api/v1/organizer/events", org, newEventBody(func(e, _ map[string]any) { e["slug"] = "mine" })).want(201, "")
	if taken.get("slug") != "mine" {
		t.Errorf("%s", taken.body)
	}
	s.do("POST", "/api/v1/organizer/events", org, newEventBody(func(e, _ map[string]any) { e["slug"] = "mine" })).want(409, "slug_taken")
	wrong := s.do("POST", "/api/v1/organizer/events", org, newEventBody(func(e, sale map[string]any) {
		sale["turn_seconds"], sale["admit_per_minute"] = 29, 600_001
	})).want(422, "invalid_request")
	var paths []string
	for _, f := range wrong.get("errors").([]any) {
		paths = append(paths, f.(map[string]any)["path"].(string))
	}
	if strings.Join(paths, " ") != "sale.admit_per_minute sale.turn_seconds" {
		t.Errorf("%v", paths)
	}
}

func TestTooManyCodesFromOneAddress(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	// While we ask, the limit lets new requests in: on a slow machine it takes
	// more than the limit to meet it.
	n := 0
	for n < 10*guard.CodesPerAddress.N {
		a := s.do("POST", "/api/v1/auth/code", "", fmt.Sprintf(`{"email":"fan%d@example.com"}`, n))
		if a.status == http.StatusTooManyRequests {
			a.want(429, "too_many_requests")
			break
		}
		a.want(202, "")
		n++
	}
	if n < guard.CodesPerAddress.N || n == 10*guard.CodesPerAddress.N {
		t.Errorf("refused after %d requests, the limit is %d", n, guard.CodesPerAddress.N)
	}
	// What is not valid is said all the same: it costs nothing.
	s.do("POST", "/api/v1/auth/code", "", `{}`).want(422, "invalid_request")
}

func TestWebhooksAreCheckedBeforeTheyAreStored(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	const path = "/webhooks/paystack"
	s.do("POST", path, "", `{"event":"charge.success","data":{}}`).want(401, "invalid_signature")
	s.do("POST", path, "", `{"event":"charge.success","data":{}}`, "x-paystack-signature", strings.Repeat("0", 128)).want(401, "invalid_signature")
	s.do("POST", path, "", strings.Repeat("a", maxBody+1), "x-paystack-signature", "00").want(413, "body_too_large")
	var n int
	s.must(s.pool.QueryRow(t.Context(), `SELECT count(*) FROM webhooks`).Scan(&n))
	if n != 0 {
		t.Errorf("%d webhooks were stored", n)
	}
}

func TestBodiesWithoutALengthAreBounded(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriter(w)
		_, _ = b.WriteString(`{"email":"`)
		for range 2 * maxBody {
			if _, err := b.WriteString("a"); err != nil {
				break
			}
		}
		_ = w.CloseWithError(io.EOF)
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+"/api/v1/auth/code", r)
	s.must(err)
	res, err := s.client.Do(req)
	s.must(err)
	defer func() { _ = res.Body.Close() }()
	_ = r.Close()
	if b, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(b), "body_too_large") {
		t.Errorf("%d %s", res.StatusCode, b)
	}
}

func TestKeysAreThoseThatSign(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	a := s.do("GET", "/.well-known/jwks.json", "", "").want(200, "")
	key := a.get("keys").([]any)[0].(map[string]any)
	if key["kty"] != "OKP" || key["crv"] != "Ed25519" || key["alg"] != "EdDSA" || len(key["x"].(string)) != 43 || key["kid"] == "" {
		t.Errorf("%s", a.body)
	}
}

func TestWithoutADatabaseNothingLeaks(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	fan, _ := s.somebody("fan@example.com")
	s.pool.Close()
	a := s.do("GET", "/api/v1/tickets", fan, "")
	if a.status != 500 && a.status != 503 {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, no := range []string{"pool", "postgres", "sql", "127.0.0.1"} {
		if strings.Contains(strings.ToLower(string(a.body)), no) {
			t.Errorf("the answer says %q: %s", no, a.body)
		}
	}
	if !strings.Contains(s.logs.String(), "request-of-the-test") {
		t.Errorf("the log does not have the request: %s", s.logs)
	}
}

func TestProblemsAreWhole(t *testing.T) {
	t.Parallel()
	p := problem(fault.New(fault.Conflict, "not_enough_left", "Three are left.").With("left", 3), "id-1")
	b, err := p.MarshalJSON()
	want := `{"type":"/api/docs#not_enough_left","title":"Not enough left","status":409,"detail":"Three are left.","code":"not_enough_left","instance":"id-1","left":3}`
	if err != nil || string(b) != want {
		t.Errorf("%s %v", b, err)
	}
	p = problem(fmt.Errorf("claim: %w", io.ErrUnexpectedEOF), "id-2")
	b, err = p.MarshalJSON()
	if err != nil || p.Status != 500 || strings.Contains(string(b), "EOF") {
		t.Errorf("%s %v", b, err)
	}
	p = problem(fault.New(fault.TooMany, "too_many_requests", "Wait.").After(1200*time.Millisecond), "")
	if p.header.Get("Retry-After") != "2" {
		t.Errorf("%v", p.header)
	}
}

func TestAnEndedVisitComesBeforeABadBody(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	event, tiers := s.open(s.organizer("org@example.com"), nil)
	fan, _ := s.somebody("fan@example.com")
	admission := s.turn(fan, event)
	path := "/api/v1/events/" + event + "/claims"
	s.do("POST", path, fan, `{"quantity":0}`, "Admission", admission).want(422, "invalid_request")
	_, err := s.pool.Exec(t.Context(), `UPDATE spots SET turn_ends_at = now() - interval '1 hour'`)
	s.must(err)
	s.do("POST", path, fan, `{"quantity":0}`, "Admission", admission).want(403, "admission_expired")
	s.do("POST", path, fan, claimBody(tiers[0], 1), "Admission", admission).want(403, "admission_expired")
}

func TestARefusedTokenSaysWhatIsNeeded(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	a := s.do("GET", "/api/v1/tickets", "", "").want(401, "unauthorized")
	if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("%v", a.header)
	}
	s.do("GET", "/api/v1/tickets", "", "", "Authorization", "Basic YTpi").want(401, "unauthorized")
	fan, id := s.somebody("fan@example.com")
	// The name of the scheme is not case-sensitive.
	s.do("GET", "/api/v1/tickets", "", "", "Authorization", "bearer "+fan).want(200, "")
	who, err := s.accounts.Verify(account.Bearer, fan)
	s.must(err)
	if who.AccountID != id.ID {
		t.Errorf("%s is not %s", who.AccountID, id.ID)
	}
	s.must(s.accounts.Revoke(t.Context(), who))
	s.do("GET", "/api/v1/tickets", fan, "").want(401, "unauthorized")
}

func TestListsHavePages(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	want := map[string]bool{}
	for range 5 {
		id, _ := s.open(org, nil)
		want[id] = true
	}
	s.draft(org, nil)
	path := "/api/v1/events?limit=2&cursor="
	cursor := ""
	for pages := 1; ; pages++ {
		a := s.do("GET", path+cursor, "", "").want(200, "")
		for _, e := range a.get("events").([]any) {
			id := e.(map[string]any)["id"].(string)
			if !want[id] {
				t.Errorf("%s is a draft or came twice", id)
			}
			delete(want, id)
		}
		if a.json["next_cursor"] == nil {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		cursor = a.text("next_cursor")
	}
	if len(want) != 0 {
		t.Errorf("not listed: %v", want)
	}
}

func TestAPatchChangesOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	event, _ := s.open(org, nil)
	path := "/api/v1/organizer/events/" + event + "/sale"
	before := s.do("PATCH", path, org, `{}`).want(200, "")
	if a := s.do("PATCH", path, org, `{"max_tickets_per_fan":2}`).want(200, ""); a.get("sale", "max_tickets_per_fan") != 2.0 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("PATCH", path, org, `{"max_tickets_per_fan":4}`).want(200, ""); string(a.body) != string(before.body) {
		t.Errorf("%s became %s", before.body, a.body)
	}
	// closes_at is checked by the sale, with the path of this body.
	a := s.do("PATCH", path, org, `{"closes_at":"2001-01-01T00:00:00Z"}`).want(422, "invalid_request")
	if f := a.get("errors").([]any)[0].(map[string]any); f["path"] != "closes_at" {
		t.Errorf("%s", a.body)
	}
}
