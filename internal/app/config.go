package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"github.com/caarlos0/env/v11"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"fairqueue/internal/keys"
)

// The environments.
const (
	Dev        = "dev"
	Staging    = "staging"
	Production = "production"
)

// PaystackAPI is where the real Paystack answers.
const PaystackAPI = "https://api.paystack.co"

// Config is everything the environment says. Names and defaults are those of
// the README's table.
type Config struct {
	Addr              string   `env:"FAIRQUEUE_ADDR" envDefault:":8080"`
	OpsAddr           string   `env:"FAIRQUEUE_OPS_ADDR"`
	DataDir           string   `env:"FAIRQUEUE_DATA_DIR" envDefault:".data"`
	SandboxAddr       string   `env:"PAYSTACK_SANDBOX_ADDR" envDefault:":8090"`
	DatabaseURL       string   `env:"DATABASE_URL"`
	RedisURL          string   `env:"REDIS_URL"`
	Demo              string   `env:"FAIRQUEUE_DEMO" envDefault:"on"`
	Guard             string   `env:"FAIRQUEUE_GUARD" envDefault:"on"`
	PublicURL         string   `env:"PUBLIC_URL"`
	PaystackSecretKey string   `env:"PAYSTACK_SECRET_KEY"`
	PaystackBaseURL   string   `env:"PAYSTACK_BASE_URL" envDefault:"https://api.paystack.co"`
	SMTPURL           string   `env:"SMTP_URL"`
	MailFrom          string   `env:"MAIL_FROM"`
	Secret            string   `env:"FAIRQUEUE_SECRET"`
	Env               string   `env:"FAIRQUEUE_ENV" envDefault:"production"`
	Roles             []string `env:"FAIRQUEUE_ROLES" envDefault:"web,worker"`
	TrustedProxies    []string `env:"FAIRQUEUE_TRUSTED_PROXIES"`
}

// Parse reads a Config from variables, such as those of os.Environ.
func Parse(vars map[string]string) (Config, error) {
	// An empty variable is an unset one: compose files and systemd units write
	// KEY= for what they leave out.
	set := make(map[string]string, len(vars))
	for k, v := range vars {
		if v != "" {
			set[k] = v
		}
	}
	c, err := env.ParseAsWithOptions[Config](env.Options{Environment: set})
	if err != nil {
		return Config{}, fmt.Errorf("environment: %w", err)
	}
	return c, nil
}

// Base returns the address people reach the site at: PublicURL, else the main
// address on localhost.
func (c Config) Base() string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	return "http://" + onLocalhost(c.Addr)
}

func onLocalhost(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || (err == nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// Has reports whether this process plays a role: web or worker.
func (c Config) Has(role string) bool {
	for _, r := range c.Roles {
		if strings.TrimSpace(r) == role {
			return true
		}
	}
	return false
}

// Check returns everything that is missing or malformed for serving, at once.
func (c Config) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch c.Env {
	case Dev, Staging, Production:
	default:
		bad("FAIRQUEUE_ENV is %q: use dev, staging or production", c.Env)
	}
	if c.DatabaseURL == "" {
		bad("DATABASE_URL is missing: the address of PostgreSQL 15 or newer, such as postgres://user:password@host:5432/fairqueue")
	} else if _, err := pgx.ParseConfig(c.DatabaseURL); err != nil {
		bad("DATABASE_URL cannot be read as a PostgreSQL address")
	}
	if c.RedisURL == "" {
		bad("REDIS_URL is missing: the address of Redis, such as redis://host:6379")
	} else if _, err := redis.ParseURL(c.RedisURL); err != nil {
		bad("REDIS_URL cannot be read as a Redis address")
	}
	if c.Secret == "" {
		bad("FAIRQUEUE_SECRET is missing: a random text of at least 32 characters, such as `openssl rand -hex 32` prints; every key is derived from it")
	} else if _, err := keys.New(c.Secret); err != nil {
		bad("FAIRQUEUE_SECRET: %v", err)
	}
	if err := c.CheckKey(); err != nil {
		errs = append(errs, err)
	}
	if err := httpURL(c.PaystackBaseURL); err != nil {
		bad("PAYSTACK_BASE_URL %v", err)
	}
	if c.PublicURL != "" {
		if err := httpURL(c.PublicURL); err != nil {
			bad("PUBLIC_URL %v", err)
		}
	} else if c.Env == Production {
		bad("PUBLIC_URL is missing: the address people see, such as https://tickets.example.com")
	}
	if c.SMTPURL != "" {
		if u, err := url.Parse(c.SMTPURL); err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" {
			bad("SMTP_URL cannot be read: use smtp://user:password@host:587 or smtps://…:465")
		}
	} else if c.Env == Production {
		bad("SMTP_URL is missing: sign-in codes and tickets go out by mail, such as smtp://user:password@host:587")
	}
	switch c.Guard {
	case "on", "observe":
	default:
		bad("FAIRQUEUE_GUARD is %q: use on or observe", c.Guard)
	}
	for _, r := range c.Roles {
		if r = strings.TrimSpace(r); r != "web" && r != "worker" {
			bad("FAIRQUEUE_ROLES holds %q: use web, worker or both", r)
		}
	}
	if _, err := c.proxies(); err != nil {
		errs = append(errs, err)
	}
	for name, addr := range map[string]string{"FAIRQUEUE_ADDR": c.Addr, "FAIRQUEUE_OPS_ADDR": c.OpsAddr} {
		if addr == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(addr); err != nil {
			bad("%s is %q: use host:port or :port", name, addr)
		}
	}
	return errors.Join(errs...)
}

// TestMode reports whether people meet a shop that takes no real money: a test
// key anywhere but in development.
func (c Config) TestMode() bool {
	return c.Env != Dev && strings.HasPrefix(c.PaystackSecretKey, "sk_test_")
}

// CheckKey says what is wrong with the key to the money, or nil. Development
// never gets a live one.
func (c Config) CheckKey() error {
	switch key := c.PaystackSecretKey; {
	case key == "":
		return errors.New("PAYSTACK_SECRET_KEY is missing: the secret key of your Paystack account, sk_live_… or sk_test_…")
	case strings.HasPrefix(key, "pk_"):
		return errors.New("PAYSTACK_SECRET_KEY is a public key: take the secret one, which begins with sk_live_ or sk_test_")
	case !strings.HasPrefix(key, "sk_test_") && !strings.HasPrefix(key, "sk_live_"):
		return errors.New("PAYSTACK_SECRET_KEY does not look like a Paystack secret key: it begins with sk_live_ or sk_test_")
	case strings.ContainsFunc(key, unicode.IsSpace):
		return errors.New("PAYSTACK_SECRET_KEY holds a space or a line break: copy it once more")
	case c.Env == Dev && strings.HasPrefix(key, "sk_live_"):
		return errors.New("PAYSTACK_SECRET_KEY is a live key, and FAIRQUEUE_ENV is dev: development must not touch real money. Use a test key, or none at all with `fairqueue dev`")
	}
	return nil
}

func httpURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return errors.New("cannot be read: use https://host")
	}
	return nil
}

func (c Config) proxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range c.TrustedProxies {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if ip, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("FAIRQUEUE_TRUSTED_PROXIES holds %q: use addresses or networks such as 10.0.0.0/8", s)
		}
		out = append(out, p)
	}
	return out, nil
}

// mailFrom is the sender's address.
func (c Config) mailFrom() string {
	if c.MailFrom != "" {
		return c.MailFrom
	}
	host := "localhost"
	if u, err := url.Parse(c.Base()); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	if host == "localhost" {
		return "FairQueue <tickets@fairqueue.localhost>"
	}
	return "FairQueue <tickets@" + host + ">"
}
