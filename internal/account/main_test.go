package account_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"fairqueue/internal/account"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/keys"
	"fairqueue/internal/mail"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

type bench struct {
	*account.Service
	t    testing.TB
	conn db.Conn
	keys *keys.Ring
}

func build(t testing.TB, conn db.Conn) *bench {
	t.Helper()
	ring, err := keys.New("the secret of this test, thirty-two")
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := river.NewClient(riverpgxv5.New(nil), &river.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.New(mail.Config{DB: conn, Keys: ring, Jobs: jobs})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{
		Service: account.New(account.Config{DB: conn, Keys: ring, Mail: m}),
		t:       t, conn: conn, keys: ring,
	}
}

// codes returns the codes mailed to an address, newest first.
func (b *bench) codes(email string) (codes []string) {
	b.t.Helper()
	rows, err := b.conn.Query(b.t.Context(), `SELECT args->>'sealed', queue FROM river_job WHERE kind = 'mail' ORDER BY id DESC`)
	if err != nil {
		b.t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Sealed, Queue string }])
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range all {
		sealed, err := base64.StdEncoding.DecodeString(r.Sealed)
		if err != nil {
			b.t.Fatal(err)
		}
		plain, err := b.keys.Sealer("mail").Open(nil, nil, sealed, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		var l struct{ To, Text string }
		if err := json.Unmarshal(plain, &l); err != nil {
			b.t.Fatal(err)
		}
		if l.To == email {
			if r.Queue != mail.QueueUrgent {
				b.t.Errorf("a code waits in queue %s", r.Queue)
			}
			codes = append(codes, l.Text[:6])
		}
	}
	return codes
}

func (b *bench) send(email string) string {
	b.t.Helper()
	if err := b.SendCode(b.t.Context(), email); err != nil {
		b.t.Fatal(err)
	}
	return b.codes(strings.ToLower(strings.TrimSpace(email)))[0]
}

func (b *bench) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.conn.Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) count(sql string, args ...any) (n int) {
	b.t.Helper()
	if err := b.conn.QueryRow(b.t.Context(), sql, args...).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// wrong returns a code that is not c.
func wrong(c string) string {
	if c[0] == '9' {
		return "0" + c[1:]
	}
	return string(c[0]+1) + c[1:]
}
