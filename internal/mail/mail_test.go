package mail_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/keys"
	"fairqueue/internal/mail"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func ring(t *testing.T) *keys.Ring {
	t.Helper()
	r, err := keys.New("the secret of this test, thirty-two")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// office is a mailer with the workers that the application gives it.
type office struct {
	*mail.Mailer
	t      *testing.T
	pool   *pgxpool.Pool
	jobs   *river.Client[pgx.Tx]
	events <-chan *river.Event
	log    *safeLog
}

type safeLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func openOffice(t *testing.T, smtpURL string) *office {
	t.Helper()
	o := &office{t: t, pool: dbtest.Pool(t), log: &safeLog{}}
	logger := slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	workers := river.NewWorkers()
	var err error
	o.jobs, err = river.NewClient(riverpgxv5.New(o.pool), &river.Config{
		Workers: workers, Logger: logger, TestOnly: true, FetchCooldown: time.Millisecond, FetchPollInterval: 20 * time.Millisecond,
		Queues: map[string]river.QueueConfig{mail.QueueUrgent: {MaxWorkers: 2}, mail.QueueNormal: {MaxWorkers: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Mailer, err = mail.New(mail.Config{
		DB: o.pool, Keys: ring(t), Jobs: o.jobs, SMTPURL: smtpURL, From: "FairQueue <tickets@fair.example>",
		Timeout: 2 * time.Second, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Register(workers)
	var cancel func()
	o.events, cancel = o.jobs.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed, river.EventKindJobCancelled)
	t.Cleanup(cancel)
	return o
}

func (o *office) post(msg mail.Message) {
	o.t.Helper()
	err := db.InTx(o.t.Context(), o.pool, func(tx pgx.Tx) error { return o.Enqueue(o.t.Context(), tx, msg) })
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) work() {
	o.t.Helper()
	if err := o.jobs.Start(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := o.jobs.StopAndCancel(ctx); err != nil {
			o.t.Error(err)
		}
	})
}

// next waits until a job has ended.
func (o *office) next() *rivertype.JobRow {
	o.t.Helper()
	select {
	case e := <-o.events:
		return e.Job
	case <-time.After(20 * time.Second):
		o.t.Fatal("no job ended")
		return nil
	}
}

func TestAMessageReachesTheMailbox(t *testing.T) {
	t.Parallel()
	o := openOffice(t, "")
	o.work()
	o.post(mail.Message{To: "ada@example.com", Subject: "First", Text: "one"})
	o.next()
	o.post(mail.Message{To: "eve@example.com", Subject: "Second", Text: "two", Urgent: true, Expires: time.Now().Add(time.Hour)})
	o.next()
	all, err := o.Mailbox(t.Context(), "", 0)
	if err != nil || len(all) != 2 || all[0].Subject != "Second" || all[1].Text != "one" || all[0].SentAt.IsZero() {
		t.Fatalf("%+v, %v", all, err)
	}
	of, err := o.Mailbox(t.Context(), "ada@example.com", 10)
	if err != nil || len(of) != 1 || of[0].To != "ada@example.com" {
		t.Errorf("%+v, %v", of, err)
	}
	if none, err := o.Mailbox(t.Context(), "nobody@example.com", 10); err != nil || none == nil || len(none) != 0 {
		t.Errorf("%+v, %v", none, err)
	}
}

func TestAMessageIsPartOfItsTransaction(t *testing.T) {
	t.Parallel()
	o := openOffice(t, "")
	no := errors.New("no")
	err := db.InTx(t.Context(), o.pool, func(tx pgx.Tx) error {
		if err := o.Enqueue(t.Context(), tx, mail.Message{To: "ada@example.com", Subject: "s", Text: "t"}); err != nil {
			return err
		}
		return no
	})
	var n int
	if e := o.pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job`).Scan(&n); !errors.Is(err, no) || e != nil || n != 0 {
		t.Errorf("%d jobs, %v, %v", n, err, e)
	}
}

func TestNothingOfAMessageIsReadableInTheDatabaseOrTheLog(t *testing.T) {
	t.Parallel()
	s := listen(t, "")
	s.refuse = 3
	o := openOffice(t, s.url())
	o.post(mail.Message{To: "ada@private.example", Subject: "Whisper", Text: "code 424242", Urgent: true})
	var row string
	if err := o.pool.QueryRow(t.Context(), `SELECT to_jsonb(j)::text FROM river_job j`).Scan(&row); err != nil {
		t.Fatal(err)
	}
	o.work()
	o.next() // refused once: the error is stored and logged
	var after string
	if err := o.pool.QueryRow(t.Context(), `SELECT to_jsonb(j)::text FROM river_job j`).Scan(&after); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"private.example", "Whisper", "424242"} {
		for where, text := range map[string]string{"job": row, "job after a failure": after, "log": o.log.String()} {
			if strings.Contains(text, secret) {
				t.Errorf("%s stands in the %s: %s", secret, where, text)
			}
		}
	}
}

func TestAnExpiredMessageIsDropped(t *testing.T) {
	t.Parallel()
	o := openOffice(t, "")
	o.post(mail.Message{To: "ada@example.com", Subject: "Old", Text: "x", Urgent: true, Expires: time.Now().Add(-time.Second)})
	o.work()
	if job := o.next(); job.State != rivertype.JobStateCompleted {
		t.Errorf("state %s", job.State)
	}
	if all, err := o.Mailbox(t.Context(), "", 10); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestAMessageGoesOutBySMTP(t *testing.T) {
	t.Parallel()
	s := listen(t, "")
	o := openOffice(t, s.url())
	o.post(mail.Message{To: "ada@example.com", Subject: "Your ticket ✓", Text: "Line one\n.\nLine three"})
	o.work()
	if job := o.next(); job.State != rivertype.JobStateCompleted {
		t.Fatalf("state %s: %+v", job.State, job.Errors)
	}
	got := s.mails()
	if len(got) != 1 || got[0].to != "<ada@example.com>" || got[0].from != "<tickets@fair.example>" {
		t.Fatalf("%+v", got)
	}
	for _, want := range []string{"From: \"FairQueue\" <tickets@fair.example>", "To: <ada@example.com>", "Message-ID: <", "Auto-Submitted: auto-generated", "Date: ", "Line three", "\r\n..\r\n"} {
		if !strings.Contains(got[0].data, want) {
			t.Errorf("%q is missing in\n%s", want, got[0].data)
		}
	}
	if box, err := o.Mailbox(t.Context(), "", 10); err != nil || len(box) != 0 {
		t.Errorf("it is in the mailbox as well: %+v, %v", box, err)
	}
}

func TestATemporaryRefusalIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := listen(t, "")
	s.refuse = 1
	o := openOffice(t, s.url())
	o.post(mail.Message{To: "ada@example.com", Subject: "s", Text: "t", Urgent: true})
	o.work()
	first := o.next()
	if first.State != rivertype.JobStateAvailable && first.State != rivertype.JobStateRetryable {
		t.Fatalf("state %s", first.State)
	}
	if wait := first.ScheduledAt.Sub(*first.AttemptedAt); wait > 10*time.Second {
		t.Errorf("a code waits %s after the first failure", wait)
	}
	if _, err := o.pool.Exec(t.Context(), `UPDATE river_job SET state = 'available', scheduled_at = now()`); err != nil {
		t.Fatal(err)
	}
	if job := o.next(); job.State != rivertype.JobStateCompleted || len(s.mails()) != 1 {
		t.Errorf("state %s, %d mails", job.State, len(s.mails()))
	}
}

func TestAnUnknownRecipientIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	s := listen(t, "550 5.1.1 no such mailbox")
	o := openOffice(t, s.url())
	o.post(mail.Message{To: "ghost@example.com", Subject: "s", Text: "t"})
	o.work()
	if job := o.next(); job.State != rivertype.JobStateCancelled {
		t.Errorf("state %s: %+v", job.State, job.Errors)
	}
}

func TestAServerThatSaysNothingDoesNotHoldUs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	o := openOffice(t, "smtp://"+l.Addr().String())
	o.post(mail.Message{To: "ada@example.com", Subject: "s", Text: "t"})
	o.work()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // a test's connection
	if job := o.next(); job.State == rivertype.JobStateCompleted {
		t.Error("a silent server was taken for a success")
	}
}

func TestTheSMTPAddressIsChecked(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"", "smtp://localhost", "smtp://localhost:1025", "smtps://u:p@mail.example.com", "smtp://u%40x:p%2F@mail.example.com:2525/"} {
		if _, err := mail.New(mail.Config{Keys: ring(t), SMTPURL: ok}); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{
		"mail.example.com", "http://mail.example.com", "smtp://", "smtp://:25", "smtp://h:0", "smtp://h:99999", "smtp://h:port",
		"smtp://h/path", "smtp://h?x=y", "smtp://user:hunter2@h:port", "smtp://user:hun%ter2@h",
	} {
		_, err := mail.New(mail.Config{Keys: ring(t), SMTPURL: bad})
		if err == nil || strings.Contains(err.Error(), "hun") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := mail.New(mail.Config{Keys: ring(t), From: "not an address"}); err == nil {
		t.Error("a malformed sender")
	}
	if _, err := mail.New(mail.Config{}); err == nil {
		t.Error("no keys")
	}
}

// smtpd is a mail server of the test's own.
type smtpd struct {
	l      net.Listener
	answer string // to RCPT, instead of accepting
	wg     sync.WaitGroup

	mu     sync.Mutex
	refuse int // this many messages get a temporary refusal that quotes them
	got    []delivered
}

type delivered struct{ from, to, data string }

func listen(t *testing.T, answer string) *smtpd {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &smtpd{l: l, answer: answer}
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.talk(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); s.wg.Wait() })
	return s
}

func (s *smtpd) url() string { return "smtp://" + s.l.Addr().String() }

func (s *smtpd) mails() []delivered {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]delivered(nil), s.got...)
}

func (s *smtpd) talk(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // a test's connection
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(conn)
	say := func(line string) { _, _ = fmt.Fprintf(conn, "%s\r\n", line) }
	var d delivered
	say("220 test ESMTP")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		switch verb, rest, _ := strings.Cut(line, ":"); {
		case strings.HasPrefix(line, "EHLO"), strings.HasPrefix(line, "HELO"):
			say("250 test")
		case verb == "MAIL FROM":
			d.from, _, _ = strings.Cut(rest, " ")
			say("250 ok")
		case verb == "RCPT TO":
			d.to, _, _ = strings.Cut(rest, " ")
			if s.answer != "" {
				say(s.answer)
				continue
			}
			say("250 ok")
		case line == "DATA":
			say("354 go on")
			var b strings.Builder
			for {
				l, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if l == ".\r\n" {
					break
				}
				b.WriteString(l)
			}
			d.data = b.String()
			s.mu.Lock()
			refused := s.refuse > 0
			if refused {
				s.refuse--
			} else {
				s.got = append(s.got, d)
			}
			s.mu.Unlock()
			if refused {
				say("451 4.3.0 later, " + d.to + ": " + strings.ReplaceAll(d.data[len(d.data)-20:], "\r\n", " "))
				continue
			}
			say("250 ok")
		case line == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}
