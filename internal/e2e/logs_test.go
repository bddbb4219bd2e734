package e2e_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// leak is something that no log may hold.
type leak struct {
	what    string
	pattern *regexp.Regexp
}

var leaks = []leak{
	{"a key of the provider", regexp.MustCompile(`\bsk_(test|live)_\w+`)},
	{"a credential", regexp.MustCompile(`(?i)\bbearer [\w.-]{8,}|\bfq_\w+=[\w%.-]{8,}|authorization: `)},
	{"a signed token", regexp.MustCompile(`\beyJ[\w-]{8,}\.`)},
	{"the code of a ticket", regexp.MustCompile(`\bFQ1\.[\w-]{8,}`)},
	{"a password", regexp.MustCompile(`(?i)\b(postgres|postgresql|redis|smtp|smtps)://[^\s:/@]*:[^\s@]+@`)},
	{"an address of a person", regexp.MustCompile(`[\w.+-]+@[\w-]+\.\w[\w.]*`)},
	{"a card", regexp.MustCompile(`\b[45]\d{3}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}(\d{0,3}|[ -]?\d{1,3})\b|(?i)\bcvv\b`)},
	{"details of a card or of a buyer", regexp.MustCompile(`\b(authorization_code|AUTH_\w+|last4|exp_month|customer_code|CUS_\w+|account_number|ip_address)\b`)},
	{"the body of a webhook", regexp.MustCompile(`event\\?"\s*:\s*\\?"(charge|refund|bank)`)},
}

// leaksIn names what a log should not hold, with the line: of the kinds above, and the secrets that the test knows.
func leaksIn(log string, secrets []string) (found []string) {
	for line := range strings.Lines(log) {
		for _, l := range leaks {
			if hit := l.pattern.FindString(line); hit != "" {
				found = append(found, l.what+" ("+hit+"): "+strings.TrimSpace(line))
			}
		}
		for _, s := range secrets {
			if s != "" && strings.Contains(line, s) {
				found = append(found, "a secret ("+s+"): "+strings.TrimSpace(line))
			}
		}
	}
	return found
}

// gave notes credentials that the product has given out.
func (p *product) gave(credentials ...string) {
	p.given.Lock()
	defer p.given.Unlock()
	p.given.all = append(p.given.all, credentials...)
}

// secrets are what this product must keep to itself: its keys, the credentials it gave out, the one-time codes it sent.
func (p *product) secrets() []string {
	p.given.Lock()
	known := slices.Concat([]string{secret, paystackKey}, p.given.all)
	p.given.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	rows, err := p.pool.Query(ctx, `SELECT body FROM mailbox WHERE subject ILIKE '%code%'`)
	if err != nil {
		return known
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if rows.Scan(&text) == nil {
			known = append(known, regexp.MustCompile(`\b\d{6}\b`).FindString(text))
		}
	}
	return known
}

// quiet fails the test if a log holds what it should not. Every server of the suite ends with it: its log is grepped.
func (p *product) quiet(t testing.TB, log string) {
	t.Helper()
	found := leaksIn(log, p.secrets())
	for _, f := range found[:min(len(found), 5)] {
		t.Errorf("the log holds %s", f)
	}
}

// What the grep is for is found by it.
func TestLeaksAreFound(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		`level=ERROR msg=x key=sk_test_0123456789`, `msg="Authorization: Bearer abcdefghijkl"`, `cookie="fq_session=abcdefghijklmnop"`,
		`token=eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJ4In0.c2ln`, `code=FQ1.AAAAAAAAAAAA`, `url=postgres://fq:hidden@127.0.0.1/fq`, `to=ada.obi@example.com`,
		`card=4084084084084081`, `card="5060 6666 6666 6666 666"`, `body="{\"event\":\"charge.success\",\"data\":{}}"`, `a="authorization_code" b`, `known=hush-hush`,
	} {
		if len(leaksIn("level=INFO msg=before\n"+line+"\n", []string{"hush-hush"})) == 0 {
			t.Errorf("not found: %s", line)
		}
	}
	for _, line := range []string{
		`time=2026-11-21T16:00:00.000Z level=INFO msg=request method=POST path=/webhooks/paystack status=200 took=1.2ms`,
		`msg="the provider could not be asked" payment=019a0000-0000-7000-8000-000000000000 error="provider: unreachable: Get \"http://127.0.0.1:4084/transaction/verify/fq-abc\": EOF"`,
		`msg="money needs a person: a payment is disputed" payment=019a0000-0000-7000-8000-000000000000`,
	} {
		if found := leaksIn(line, []string{"hush-hush"}); len(found) != 0 {
			t.Errorf("found in an innocent line: %v", found)
		}
	}
}
