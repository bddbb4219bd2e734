package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
	"fairqueue/internal/queue"
	"fairqueue/views"
)

func TestNextStaysOnThisSite(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"":                             "/",
		"/":                            "/",
		"/events/a/queue?join=1":       "/events/a/queue?join=1",
		"/tickets#x":                   "/tickets#x",
		"tickets":                      "/",
		"//evil.example":               "/",
		"///evil.example":              "/",
		`/\evil.example`:               "/",
		`\\evil.example`:               "/",
		`/a\b`:                         "/",
		"https://evil.example":         "/",
		"HTTPS:evil.example":           "/",
		"javascript:alert(1)":          "/",
		"/\t/evil.example":             "/",
		"/\n/evil.example":             "/",
		"/\r\nSet-Cookie: a=b":         "/",
		"/\u2028/evil.example":         "/",
		"/\x7f":                        "/",
		" /tickets":                    "/",
		"/%2f%2fevil.example":          "/",
		"/sign-in?next=/sign-in":       "/",
		"/sign-out":                    "/",
		"/theme":                       "/",
		"/api/v1/events":               "/",
		"/%zz":                         "/",
		"/" + strings.Repeat("a", 600): "/",
	} {
		if got := safeNext(next); got != want {
			t.Errorf("safeNext(%q) = %q, want %q", next, got, want)
		}
		if got := localPath(next); got != "/" {
			u, err := url.Parse("https://here.example" + got)
			if err != nil || u.Host != "here.example" {
				t.Errorf("localPath(%q) = %q leads away", next, got)
			}
		}
	}
}

func TestNaira(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]money.Kobo{
		"0": 0, "12500": 12_500_00, "12,500": 12_500_00, "12 500": 12_500_00, "₦12,500.50": 12_500_50, "NGN 7": 700,
		"1,234,567.8": 1_234_567_80, "0.5": 50, "10000000000": 10_000_000_000_00,
	} {
		if got, err := parseNaira(text); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "1.234", "1e3", "abc", "1.2.3", "99999999999999999999", "₦", "12,5,0"} {
		if got, err := parseNaira(text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

func TestLocalTimesFollowTheZoneOfTheEvent(t *testing.T) {
	t.Parallel()
	lagos, err := time.LoadLocation("Africa/Lagos")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"2026-12-12T20:00", "2026-12-12T20:00:00"} {
		at, err := parseLocal(text, lagos)
		if want := time.Date(2026, 12, 12, 19, 0, 0, 0, time.UTC); err != nil || !at.Equal(want) {
			t.Errorf("%s: %v, %v", text, at, err)
		}
	}
	for _, text := range []string{"", "2026-12-12", "12/12/2026 20:00", "2026-13-40T20:00"} {
		if at, err := parseLocal(text, lagos); err == nil {
			t.Errorf("%q was read as %v", text, at)
		}
	}
}

func TestFieldPathsBecomeInputs(t *testing.T) {
	t.Parallel()
	got := fieldErrors(fault.InvalidField(
		fault.Field{Path: "name", Message: "a"}, fault.Field{Path: "sale.opens_at", Message: "b"},
		fault.Field{Path: "tiers[2].price_kobo", Message: "c"}, fault.Field{Path: "tiers[0].name", Message: "d"},
		fault.Field{Path: "tiers", Message: "e"}, fault.Field{Path: "name", Message: "second"},
	))
	want := map[string]string{"name": "a", "opens_at": "b", "tiers.2.price": "c", "tiers.0.name": "d", "tiers": "e"}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %q, want %q", k, got[k], v)
		}
	}
}

// Every error becomes a status in one place; nothing internal is ever said.
func TestExplain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err    error
		status int
		said   bool
	}{
		"no route":      {echo.ErrNotFound, 404, false},
		"wrong method":  {echo.ErrMethodNotAllowed, 405, false},
		"too large":     {&http.MaxBytesError{Limit: 1}, 413, true},
		"a refusal":     {fault.New(fault.Conflict, "sold_out", "Gone."), 409, true},
		"unknown":       {errors.New("secret"), 500, false},
		"too late":      {context.DeadlineExceeded, 503, true},
		"a fault first": {fault.Wrap(context.DeadlineExceeded, fault.Conflict, "x", "Said."), 409, true},
	} {
		f, status := explain(tc.err)
		if status != tc.status || said(f) != tc.said || strings.Contains(f.Message, "secret") {
			t.Errorf("%s: %d, said %v, %q", name, status, said(f), f.Message)
		}
	}
}

func TestRequestIDsFromOutside(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"abcdef12": true, "0123-4567_ab.CD": true, "short": false, "": false, "has space 1": false,
		"line\nbreak99": false, strings.Repeat("a", 65): false, "ünïcödé12": false,
	} {
		if got := sane(id) != ""; got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}

func TestForwardedAddressesCountOnlyFromOurProxies(t *testing.T) {
	t.Parallel()
	ask := func(peer, forwarded string, proxies ...string) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = peer + ":1234"
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		var trusted []netip.Prefix
		for _, p := range proxies {
			trusted = append(trusted, netip.MustParsePrefix(p))
		}
		return ipExtractor(trusted)(r)
	}
	for _, tc := range []struct{ got, want string }{
		{ask("203.0.113.7", "1.2.3.4"), "203.0.113.7"},
		{ask("203.0.113.7", "1.2.3.4", "10.0.0.0/8"), "203.0.113.7"},
		{ask("10.1.2.3", "1.2.3.4", "10.0.0.0/8"), "1.2.3.4"},
		{ask("10.1.2.3", "6.6.6.6, 1.2.3.4", "10.0.0.0/8"), "1.2.3.4"},
		{ask("127.0.0.1", "1.2.3.4", "10.0.0.0/8"), "127.0.0.1"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %s, want %s", tc.got, tc.want)
		}
	}
}

func TestWhatACacheMayHold(t *testing.T) {
	t.Parallel()
	good, err := flowCodec{}.Encode(time.Now().Add(time.Minute), map[string]any{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	sealed := sealCached("token", good)
	if d, ok := openCached("token", sealed); !ok || string(d) != string(good) {
		t.Fatal("what was put is not found")
	}
	bent := append([]byte(nil), sealed...)
	bent[len(bent)-3] ^= 1
	for name, b := range map[string][]byte{
		"nothing": nil, "garbage": []byte("garbage"), "long garbage": []byte(strings.Repeat("x", 500)),
		"of another": sealCached("other", good), "bent": bent, "no session": sealCached("token", []byte(`{"values":{}}`)),
	} {
		if _, ok := openCached("token", b); ok {
			t.Errorf("%s was taken for a session", name)
		}
	}
}

func TestCheckoutStates(t *testing.T) {
	t.Parallel()
	pay := func(st payment.Status) []payment.Payment { return []payment.Payment{{Status: st}} }
	// Given up for a fresh reference before anybody was sent anywhere.
	unseen := []payment.Payment{{Status: payment.Abandoned}}
	waits := []payment.Payment{{Status: payment.Pending, Waiting: true}}
	for _, tc := range []struct {
		claim    claim.Status
		payments []payment.Payment
		want     views.CheckoutState
		left     int
	}{
		{claim.Held, nil, views.CheckoutHeld, 2},
		{claim.Held, nil, views.CheckoutUsedUp, 0}, // Both were used for tickets that this fan gave back.
		{claim.Held, pay(payment.Failed), views.CheckoutFailed, 1},
		{claim.Held, pay(payment.Abandoned), views.CheckoutHeld, 1},
		{claim.Held, append(pay(payment.Failed), pay(payment.Failed)...), views.CheckoutUsedUp, 0},
		{claim.Held, append(pay(payment.Failed), unseen...), views.CheckoutFailed, 1},
		{claim.Paying, pay(payment.Initializing), views.CheckoutPaying, 1},
		{claim.Paying, pay(payment.Pending), views.CheckoutPaying, 1},
		{claim.Paying, waits, views.CheckoutBank, 1},
		{claim.Paid, pay(payment.Succeeded), views.CheckoutPaid, 1},
		{claim.Paid, append(pay(payment.RefundDue), pay(payment.Succeeded)...), views.CheckoutPaid, 1},
		{claim.Expired, nil, views.CheckoutExpired, 1},
		{claim.Released, pay(payment.Abandoned), views.CheckoutReleased, 1},
		{claim.Released, pay(payment.RefundDue), views.CheckoutRefundDue, 1},
		{claim.Expired, pay(payment.Refunded), views.CheckoutRefunded, 1},
		{claim.Refunded, pay(payment.RefundDue), views.CheckoutRefundDue, 1},
		{claim.Refunded, pay(payment.Refunded), views.CheckoutRefunded, 0},
	} {
		if got := checkoutState(claim.Claim{Status: tc.claim}, tc.payments, tc.left); got != tc.want {
			t.Errorf("%s with %v: %s, want %s", tc.claim, tc.payments, got, tc.want)
		}
	}
}

func TestMemoryIsBoundedAndForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l lastPlaces
		k := lastKey{uuid.New(), uuid.New()}
		l.put(k, queue.View{Arrival: 7, Admission: &queue.Admission{Token: "secret"}})
		if v, ok := l.get(k); !ok || v.Arrival != 7 || v.Admission != nil {
			t.Fatalf("got %+v, %v", v, ok)
		}
		for range 2 {
			time.Sleep(placesKeptTo + time.Second)
			l.put(lastKey{uuid.New(), uuid.New()}, queue.View{})
		}
		if _, ok := l.get(k); ok {
			t.Error("a place of twenty minutes ago is still there")
		}

		c := newCache[int](time.Minute)
		made := 0
		get := func() int {
			v, _, err := c.get("k", func() (int, error) { made++; return made, nil })
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if first, second := get(), get(); first != 1 || second != 1 {
			t.Error("made twice within its life")
		}
		time.Sleep(2 * time.Minute)
		if get() != 2 {
			t.Error("kept past its life")
		}
		for i := range 3 * cacheMost {
			if _, _, err := c.get(uuid.NewString(), func() (int, error) { return i, nil }); err != nil {
				t.Fatal(err)
			}
		}
		if len(c.kept) > cacheMost {
			t.Errorf("keeps %d", len(c.kept))
		}
	})
}

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0": false, "identity": false, "xgzip": false,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", header)
		if got := acceptsGzip(r); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}
