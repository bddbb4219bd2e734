package e2e_test

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // A fingerprint of rows, no secret.
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/account"
	"fairqueue/internal/paystack/sandbox"
)

// state is a fingerprint of everything that an error must not change: order, stock, money and identity.
func (p *product) state() string {
	p.t.Helper()
	h := md5.New() //nolint:gosec // See above.
	for _, table := range []string{"accounts", "organizations", "members", "events", "sales", "tiers", "queue_heads", "spots", "claims", "units",
		"claim_lines", "payments", "refunds", "webhooks", "tickets"} {
		rows, err := p.pool.Query(context.Background(), "SELECT md5(x::text) FROM "+pgx.Identifier{table}.Sanitize()+" x ORDER BY 1")
		if err != nil {
			p.t.Fatal(err)
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			p.t.Fatal(err)
		}
		fmt.Fprintln(h, table, all)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestWrongInputChangesNothing(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	// One fan is inside, holding; another is inside, with nothing; the sale then stands still, so that nothing moves by itself.
	s := p.newShow(t, "wrong", 10, nil)
	bearer, _ := p.signedIn("ada@example.test")
	otherBearer, _ := p.signedIn("bola@example.test")
	ada, bola := s.called(t, bearer), s.called(t, otherBearer)
	claim := ada.claim(2)
	bola.claim(1)
	p.api(t, "DELETE", "/claims/"+bola.openClaim(), otherBearer, nil).want(204)
	p.api(t, "POST", "/organizer/events/"+s.id+"/pause", p.asOrganizer(), nil).want(200)
	draft := p.draft(t, "wrong-draft", 5, nil)
	outsider, _ := p.signedIn("outsider@example.test")

	a, err := p.app.Accounts.Ensure(context.Background(), "ada@example.test", "")
	if err != nil {
		t.Fatal(err)
	}
	expired, _ := p.app.Accounts.Issue(account.Bearer, a, -time.Minute)
	forged := bearer[:len(bearer)-2] + map[bool]string{true: "AA", false: "BB"}[!strings.HasSuffix(bearer, "AA")]
	forgedAdmission := bola.admission[:len(bola.admission)-4] + map[bool]string{true: "AAAA", false: "BBBB"}[!strings.HasSuffix(bola.admission, "AAAA")]
	huge := `{"x":"` + strings.Repeat("a", 10<<20) + `"}`
	body := func(quantity string) string { return `{"tier_id":"` + s.tiers[0] + `","quantity":` + quantity + `}` }
	webhook := `{"event":"charge.success","data":{"reference":"fq-none","status":"success","amount":1,"currency":"NGN"}}`

	const v1 = "/api/v1"
	claims := v1 + "/events/" + s.id + "/claims"
	before := p.state()
	for _, c := range []struct {
		name, method, path, bearer string
		body                       any
		header                     map[string]string
		status                     int
		code                       string
	}{
		{"unknown event", "POST", v1 + "/events/nothing/queue", bearer, nil, nil, 404, "event_not_found"},
		{"unknown event, by id", "GET", v1 + "/events/" + uuid.NewString(), "", nil, nil, 404, "event_not_found"},
		{"a draft", "POST", v1 + "/events/" + draft.id + "/queue", bearer, nil, nil, 404, "event_not_found"},
		{"not in line", "GET", v1 + "/events/" + s.id + "/queue", outsider, nil, nil, 404, "not_in_queue"},

		{"no token", "POST", v1 + "/events/" + s.id + "/queue", "", nil, nil, 401, "unauthorized"},
		{"an expired token", "POST", v1 + "/events/" + s.id + "/queue", expired, nil, nil, 401, "unauthorized"},
		{"a forged token", "POST", v1 + "/events/" + s.id + "/queue", forged, nil, nil, 401, "unauthorized"},
		{"an admission for a token", "POST", v1 + "/events/" + s.id + "/queue", bola.admission, nil, nil, 401, "unauthorized"},

		{"no admission", "POST", claims, otherBearer, body("1"), nil, 403, "not_admitted"},
		{"a forged admission", "POST", claims, otherBearer, body("1"), map[string]string{"Admission": forgedAdmission}, 403, "not_admitted"},
		{"somebody else's admission", "POST", claims, otherBearer, body("1"), map[string]string{"Admission": ada.admission}, 403, "not_admitted"},
		{"never in line", "POST", claims, outsider, body("1"), map[string]string{"Admission": bola.admission}, 403, "not_admitted"},

		{"malformed", "POST", claims, otherBearer, `{"tier_id":`, map[string]string{"Admission": bola.admission}, 422, "invalid_request"},
		{"no JSON", "POST", claims, otherBearer, `quantity=1`, map[string]string{"Admission": bola.admission}, 422, "invalid_request"},
		{"nothing", "POST", claims, otherBearer, ``, map[string]string{"Admission": bola.admission}, 422, "invalid_request"},
		{"something behind", "POST", claims, otherBearer, body("1") + body("1"), map[string]string{"Admission": bola.admission}, 422, "invalid_request"},
		{"an unknown field", "POST", claims, otherBearer, `{"tier_id":"` + s.tiers[0] + `","quantity":1,"price":1}`, map[string]string{"Admission": bola.admission}, 422, "invalid_request"},
		{"quantity 0", "POST", claims, otherBearer, body("0"), map[string]string{"Admission": bola.admission}, 422, "invalid_request"},
		{"quantity -1", "POST", claims, otherBearer, body("-1"), map[string]string{"Admission": bola.admission}, 422, "invalid_request"},
		{"quantity 10⁹", "POST", claims, otherBearer, body("1000000000"), map[string]string{"Admission": bola.admission}, 422, "invalid_request"},
		{"quantity 10⁹⁹", "POST", claims, otherBearer, body("1e99"), map[string]string{"Admission": bola.admission}, 422, "invalid_request"},
		{"quantity 1.5", "POST", claims, otherBearer, body("1.5"), map[string]string{"Admission": bola.admission}, 422, "invalid_request"},
		{"quantity in words", "POST", claims, otherBearer, body(`"2"`), map[string]string{"Admission": bola.admission}, 422, "invalid_request"},
		{"no such tier", "POST", claims, otherBearer, `{"tier_id":"` + uuid.NewString() + `","quantity":1}`, map[string]string{"Admission": bola.admission}, 422, "invalid_request"},
		{"10 MB", "POST", claims, otherBearer, huge, map[string]string{"Admission": bola.admission}, 413, "body_too_large"},
		{"10 MB to the line", "POST", v1 + "/events/" + s.id + "/queue", bearer, huge, nil, 413, "body_too_large"},
		{"10 MB to the sign-in", "POST", v1 + "/auth/code", "", huge, nil, 413, "body_too_large"},
		{"above the limit", "POST", claims, otherBearer, body("5"), map[string]string{"Admission": bola.admission}, 409, "limit_reached"},
		{"a second claim", "POST", claims, bearer, body("1"), map[string]string{"Admission": ada.admission}, 409, "claim_open"},

		{"a foreign claim", "GET", v1 + "/claims/" + claim, otherBearer, nil, nil, 404, "claim_not_found"},
		{"extend a foreign claim", "POST", v1 + "/claims/" + claim + "/extend", otherBearer, nil, nil, 404, "claim_not_found"},
		{"release a foreign claim", "DELETE", v1 + "/claims/" + claim, otherBearer, nil, nil, 404, "claim_not_found"},
		{"pay a foreign claim", "POST", v1 + "/claims/" + claim + "/payments", otherBearer, nil, nil, 404, "claim_not_found"},
		{"no such claim", "POST", v1 + "/claims/" + uuid.NewString() + "/payments", bearer, nil, nil, 404, "claim_not_found"},
		{"no id at all", "GET", v1 + "/claims/1", bearer, nil, nil, 404, "claim_not_found"},
		{"extend too early", "POST", v1 + "/claims/" + claim + "/extend", bearer, nil, nil, 409, "too_early"},
		{"leave while holding", "DELETE", v1 + "/events/" + s.id + "/queue", bearer, nil, nil, 409, "claim_open"},
		{"transfer", "POST", v1 + "/tickets/" + uuid.NewString() + "/transfer", bearer, nil, nil, 404, "ticket_not_found"},

		{"a fan as organizer", "POST", v1 + "/organizer/events", bearer, map[string]any{}, nil, 403, "not_organizer"},
		{"a foreign sale", "POST", v1 + "/organizer/events/" + s.id + "/end", bearer, nil, nil, 404, "event_not_found"},
		{"a foreign sale's pace", "PATCH", v1 + "/organizer/events/" + s.id + "/sale", bearer, `{"max_inside":1}`, nil, 404, "event_not_found"},
		{"no room at all", "PATCH", v1 + "/organizer/events/" + s.id + "/sale", p.asOrganizer(), `{"max_inside":0}`, nil, 422, "invalid_request"},
		{"too fast", "PATCH", v1 + "/organizer/events/" + s.id + "/sale", p.asOrganizer(), `{"admit_per_minute":600001}`, nil, 422, "invalid_request"},
		{"publish twice", "POST", v1 + "/organizer/events/" + s.id + "/publish", p.asOrganizer(), nil, nil, 409, "invalid_transition"},
		{"an event of nothing", "POST", v1 + "/organizer/events", p.asOrganizer(), `{}`, nil, 422, "invalid_request"},

		{"no address", "POST", v1 + "/auth/code", "", `{"email":"nobody"}`, nil, 422, "invalid_request"},
		{"a wrong code", "POST", v1 + "/auth/token", "", `{"email":"ada@example.test","code":"000000"}`, nil, 401, "invalid_code"},
		{"a webhook without a signature", "POST", "/webhooks/paystack", "", webhook, nil, 401, "invalid_signature"},
		{"a webhook signed by somebody else", "POST", "/webhooks/paystack", "", webhook,
			map[string]string{"X-Paystack-Signature": sandbox.Sign("sk_test_other", []byte(webhook))}, 401, "invalid_signature"},
		{"no such address", "GET", v1 + "/nothing", bearer, nil, nil, 404, "not_found"},
	} {
		// Tests of one table share the product, so that the whole of it is compared at the end of each.
		a := p.request(t, c.method, p.url+c.path, c.bearer, c.body, c.header)
		if a.status != c.status || a.json["code"] != c.code {
			t.Errorf("%s: %d %v, want %d %s: %.200s", c.name, a.status, a.json["code"], c.status, c.code, a.body)
		}
		if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "application/problem+json") {
			t.Errorf("%s: content type %q", c.name, got)
		}
		for _, leak := range []string{"pgx", "SQLSTATE", "goroutine", "internal/", "sk_test"} {
			if bytes.Contains(a.body, []byte(leak)) {
				t.Errorf("%s: the answer gives away %q: %s", c.name, leak, a.body)
			}
		}
		if after := p.state(); after != before {
			t.Fatalf("%s: something changed", c.name)
		}
	}
	s.audited(t)
}

// openClaim is the claim that the fan holds.
func (v *visitor) openClaim() (id string) {
	v.t.Helper()
	a := v.tryClaim(1)
	a.problem(409, "claim_open")
	return a.str("claim_id")
}

// Signing in, waiting, buying and leaving over the API alone, with the code from the mailbox.
func TestAFanBuysOverTheAPI(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	s := p.newShow(t, "by-api", 5, nil)
	p.api(t, "POST", "/auth/code", "", map[string]any{"email": "ada@example.test"}).want(202)
	code := p.code("ada@example.test")
	token := p.api(t, "POST", "/auth/token", "", map[string]any{"email": "ada@example.test", "code": code}).want(200)
	if token.at("account.email") != "ada@example.test" || token.at("token_type") != "Bearer" {
		t.Errorf("token: %s", token.body)
	}
	bearer := token.str("token")

	first := p.api(t, "POST", "/events/"+s.slug+"/queue", bearer, nil).want(201)
	again := p.api(t, "POST", "/events/"+s.id+"/queue", bearer, nil).want(200)
	if first.at("spot.id") != again.at("spot.id") || first.at("spot.arrival") != 1.0 {
		t.Errorf("joined twice: %s and %s", first.body, again.body)
	}
	v := s.called(t, bearer)
	claim := v.claim(3)
	payment, reference := v.pay(claim)
	if a := p.api(t, "POST", "/claims/"+claim+"/payments", bearer, nil).want(200); a.str("payment.id") != payment {
		t.Errorf("a second start gave another payment: %s", a.body)
	}
	p.outcome(t, reference, map[string]any{"outcome": "success", "webhook": "duplicate"})
	p.until("the tickets are there", func() bool { return len(v.tickets()) == 3 })
	if got := p.api(t, "GET", "/payments/"+payment, bearer, nil).want(200).str("payment.status"); got != "succeeded" {
		t.Errorf("the payment is %s", got)
	}
	s.audited(t)
}

// code waits for the newest one-time code of an address.
func (p *product) code(email string) (code string) {
	p.t.Helper()
	p.until("the code is in the mailbox", func() bool {
		a := p.request(p.t, "GET", p.url+"/dev/mail?format=json&to="+email, "", nil, nil)
		var mails []struct{ Text string }
		if err := json.Unmarshal(a.body, &mails); err != nil || len(mails) == 0 {
			return false
		}
		code = sixFigures.FindString(mails[0].Text)
		return code != ""
	})
	return code
}

var sixFigures = regexp.MustCompile(`\d{6}`)
