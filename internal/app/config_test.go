package app

import (
	"strings"
	"testing"
)

func good() map[string]string {
	return map[string]string{
		"DATABASE_URL": "postgres://u:p@db:5432/fairqueue", "REDIS_URL": "redis://cache:6379", "FAIRQUEUE_SECRET": strings.Repeat("s", 32),
		"PAYSTACK_SECRET_KEY": "sk_live_0123456789", "PUBLIC_URL": "https://tickets.example.com", "SMTP_URL": "smtps://u:p@mail.example.com:465",
	}
}

func complaints(t *testing.T, vars map[string]string) string {
	t.Helper()
	cfg, err := Parse(vars)
	if err == nil {
		err = cfg.Check()
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// An operator reads everything that is wrong at once, not one thing a start.
func TestServeNamesEverythingThatIsMissing(t *testing.T) {
	t.Parallel()
	if got := complaints(t, good()); got != "" {
		t.Fatalf("a good configuration is refused: %s", got)
	}
	lines := strings.Split(complaints(t, map[string]string{"SMTP_URL": ""}), "\n")
	want := []string{"DATABASE_URL", "REDIS_URL", "FAIRQUEUE_SECRET", "PAYSTACK_SECRET_KEY", "PUBLIC_URL", "SMTP_URL"}
	if len(lines) != len(want) {
		t.Fatalf("%q", lines)
	}
	for i, name := range want {
		if !strings.HasPrefix(lines[i], name+" is missing") {
			t.Errorf("%q, want %s", lines[i], name)
		}
	}
	// Outside production mail may stay in the mailbox, and the address is that of this machine.
	vars := good()
	vars["FAIRQUEUE_ENV"], vars["SMTP_URL"], vars["PUBLIC_URL"] = Staging, "", ""
	if got := complaints(t, vars); got != "" {
		t.Error(got)
	}
}

func TestServeNamesWhatIsMalformedAndNoSecret(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"DATABASE_URL": "postgres://u:hunter2@db:port/x", "REDIS_URL": "http://hunter2", "FAIRQUEUE_SECRET": "hunter2",
		"PAYSTACK_SECRET_KEY": "pk_live_hunter2", "PUBLIC_URL": "tickets.example.com", "SMTP_URL": "imap://u:hunter2@mail",
		"FAIRQUEUE_ENV": "prod", "FAIRQUEUE_GUARD": "off", "FAIRQUEUE_ROLES": "web,boss", "FAIRQUEUE_TRUSTED_PROXIES": "10.0.0.0/99",
		"FAIRQUEUE_ADDR": "8080", "FAIRQUEUE_OPS_ADDR": "9090", "PAYSTACK_BASE_URL": "api.paystack.co",
	} {
		vars := good()
		vars[name] = value
		got := complaints(t, vars)
		if !strings.HasPrefix(got, name) || strings.Contains(got, "\n") {
			t.Errorf("%s=%s: %q", name, value, got)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("%s: the secret is told: %s", name, got)
		}
	}
}

func TestTheAddressPeopleReach(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ addr, public, want string }{
		{":8080", "", "http://localhost:8080"},
		{"0.0.0.0:80", "", "http://localhost:80"},
		{"[::]:8081", "", "http://localhost:8081"},
		{"192.0.2.1:8080", "", "http://192.0.2.1:8080"},
		{":8080", "https://tickets.example.com/", "https://tickets.example.com"},
	} {
		if got := (Config{Addr: tc.addr, PublicURL: tc.public}).Base(); got != tc.want {
			t.Errorf("%s %s: %s, want %s", tc.addr, tc.public, got, tc.want)
		}
	}
}

// The Content-Security-Policy must let the buyer through to the page that takes the money.
func TestThePageThatTakesTheMoney(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{PaystackAPI: "https://checkout.paystack.com", "http://localhost:8090": "http://localhost:8090"} {
		if got := paymentOrigin(base); got != want {
			t.Errorf("%s: %s, want %s", base, got, want)
		}
	}
}

func TestKeysToMoney(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		env, key, complaint string
		testMode            bool
	}{
		"a live key where people pay":   {Production, "sk_live_0123456789", "", false},
		"a test key where people pay":   {Production, "sk_test_0123456789", "", true},
		"a test key on staging":         {Staging, "sk_test_0123456789", "", true},
		"a test key in development":     {Dev, "sk_test_0123456789", "", false},
		"a live key in development":     {Dev, "sk_live_0123456789", "is a live key", false},
		"a public key":                  {Production, "pk_live_0123456789", "is a public key", false},
		"a key with a line break":       {Production, "sk_live_0123\n456789", "a line break", false},
		"a key of something else":       {Production, "whsec_0123456789", "does not look like", false},
		"a public key in development":   {Dev, "pk_test_0123456789", "is a public key", false},
		"a live key in capital letters": {Dev, "SK_LIVE_0123456789", "does not look like", false},
	} {
		vars := good()
		vars["FAIRQUEUE_ENV"], vars["PAYSTACK_SECRET_KEY"] = tc.env, tc.key
		got := complaints(t, vars)
		if (tc.complaint == "") != (got == "") || !strings.Contains(got, tc.complaint) || strings.Contains(got, "0123") {
			t.Errorf("%s: %q", name, got)
		}
		if mode := (Config{Env: tc.env, PaystackSecretKey: tc.key}).TestMode(); mode != tc.testMode {
			t.Errorf("%s: test mode %v", name, mode)
		}
	}
}
