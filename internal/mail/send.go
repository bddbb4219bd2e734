package mail

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/riverqueue/river"
	smtp "github.com/wneessen/go-mail"

	"fairqueue/internal/db"
)

// sendTimeout ends one attempt, however many calls it makes.
const sendTimeout = 30 * time.Second

// sender is the worker of both queues.
type sender struct {
	river.WorkerDefaults[jobArgs]
	m *Mailer
}

// Timeout ends one attempt.
func (s *sender) Timeout(*river.Job[jobArgs]) time.Duration { return sendTimeout }

// NextRetry waits seconds for what somebody is waiting for, up to ten minutes
// for the rest.
func (s *sender) NextRetry(job *river.Job[jobArgs]) time.Time {
	longest := 10 * time.Minute
	if job.Args.Urgent {
		longest = 20 * time.Second
	}
	wait := min(time.Second<<min(job.Attempt, 12), longest)
	return time.Now().Add(wait/2 + rand.N(wait))
}

// Work opens one message and sends it.
func (s *sender) Work(ctx context.Context, job *river.Job[jobArgs]) error {
	m := s.m
	if e := job.Args.Expires; !e.IsZero() && !m.cfg.Clock.Now().Before(e) {
		m.cfg.Logger.WarnContext(ctx, "a message expired before it could be sent", "job", job.ID, "attempt", job.Attempt)
		return nil
	}
	plain, err := m.sealer.Open(nil, nil, job.Args.Sealed, nil)
	if err != nil {
		// Sealed under another FAIRQUEUE_SECRET: no repetition helps.
		return river.JobCancel(errors.New("mail: the message cannot be opened with this FAIRQUEUE_SECRET"))
	}
	var l letter
	if err := json.Unmarshal(plain, &l); err != nil {
		return river.JobCancel(errors.New("mail: the message is malformed"))
	}
	text, html, err := l.bodies()
	if err != nil {
		return river.JobCancel(errors.New("mail: the message cannot be shown"))
	}
	if m.smtp == nil {
		if err := m.q.Put(ctx, m.cfg.DB, l.To, l.Subject, text, html); err != nil {
			return db.Fault(fmt.Errorf("mail: the mailbox: %w", err))
		}
		return nil
	}
	// The same for every attempt, so that a mail program shows a repetition once.
	sum := sha256.Sum256(job.Args.Sealed)
	_, domain, _ := strings.Cut(m.from.Address, "@")
	return m.smtp.send(ctx, m.from.String(), fmt.Sprintf("%x@%s", sum[:16], domain), l, text, html)
}

// smtpServer is where messages go out.
type smtpServer struct {
	host string
	opts []smtp.Option
}

// parseSMTP reads smtp://[user:password@]host[:port] (STARTTLS where the server
// offers it, and required before a password leaves this machine) and
// smtps://… (TLS from the start).
func parseSMTP(raw string, timeout time.Duration) (*smtpServer, error) {
	bad := func(why string) error {
		return errors.New("SMTP_URL " + why + ": it should look like smtp://user:password@mail.example.com:587 or smtps://…:465")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, bad("is not a URL") // err would quote the password
	}
	host := u.Hostname()
	if host == "" {
		return nil, bad("names no host")
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, bad("has something after the port")
	}
	port := map[string]string{"smtp": "587", "smtps": "465"}[u.Scheme]
	if port == "" {
		return nil, bad("has the scheme " + strconv.Quote(u.Scheme))
	}
	if u.Port() != "" {
		port = u.Port()
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil || p == 0 {
		return nil, bad("has a port that is no port")
	}
	password, hasPassword := u.User.Password()
	s := &smtpServer{host: host, opts: []smtp.Option{
		smtp.WithPort(int(p)), smtp.WithTimeout(timeout), smtp.WithoutNoop(),
	}}
	switch {
	case u.Scheme == "smtps":
		s.opts = append(s.opts, smtp.WithSSL())
	case hasPassword && !loopback(host):
		s.opts = append(s.opts, smtp.WithTLSPolicy(smtp.TLSMandatory))
	default:
		s.opts = append(s.opts, smtp.WithTLSPolicy(smtp.TLSOpportunistic))
	}
	if hasPassword {
		s.opts = append(s.opts, smtp.WithSMTPAuth(smtp.SMTPAuthAutoDiscover),
			smtp.WithUsername(u.User.Username()), smtp.WithPassword(password))
	}
	if _, err := smtp.NewClient(s.host, s.opts...); err != nil {
		return nil, bad("is not usable")
	}
	return s, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// send delivers one message on a connection of its own. Errors quote neither
// addresses nor text.
func (s *smtpServer) send(ctx context.Context, from, id string, l letter, text, html string) error {
	msg := smtp.NewMsg()
	if err := msg.From(from); err != nil {
		return errors.New("mail: the sender's address was refused")
	}
	if err := msg.To(l.To); err != nil {
		return river.JobCancel(errors.New("mail: the recipient's address is not valid"))
	}
	msg.Subject(l.Subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(id)
	// Programs that answer by themselves do not answer this.
	msg.SetGenHeader(smtp.Header("Auto-Submitted"), "auto-generated")
	// The last one is the one that is shown where both can be.
	msg.SetBodyString(smtp.TypeTextPlain, text)
	msg.AddAlternativeString(smtp.TypeTextHTML, html)

	// A client holds the connection's state, so each message has its own.
	client, err := smtp.NewClient(s.host, s.opts...)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("mail: the server cannot be reached: %w", err)
	}
	// Once a message was accepted, a server that says no proper goodbye must
	// not make us send it twice.
	defer client.CloseWithSMTPClient(conn) //nolint:errcheck // see above
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := client.SendWithSMTPClient(conn, msg); err != nil {
		return inOurWords(err)
	}
	return nil
}

// inOurWords tells why sending failed without the recipient, whom the library's
// error quotes. What the server refuses for good is not tried again.
func inOurWords(err error) error {
	e, ok := errors.AsType[*smtp.SendError](err)
	if !ok {
		return errors.New("mail: the message could not be sent")
	}
	told := fmt.Errorf("mail: %s, answer %d %s", e.Reason, e.ErrorCode(), e.EnhancedStatusCode())
	if e.Reason == smtp.ErrSMTPRcptTo && !e.IsTemp() && e.ErrorCode() >= 550 && e.ErrorCode() <= 553 {
		return river.JobCancel(told)
	}
	return told
}
