package mail

import (
	"context"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"fairqueue/internal/db"
	"fairqueue/internal/db/maildb"
	"fairqueue/internal/fault"
	"fairqueue/internal/keys"
)

// Message is one e-mail.
type Message struct {
	To, Subject, Text string
	// Urgent messages (one-time codes) go before all others, in a queue of their own.
	Urgent bool
	// Expires drops a message nobody needs any more; zero for never.
	Expires time.Time
}

// Config is what a Mailer needs.
type Config struct {
	DB   db.Conn
	Keys *keys.Ring
	// Jobs inserts jobs; it need not work any.
	Jobs *river.Client[pgx.Tx]
	// SMTPURL such as smtp://user:pass@host:587 or smtps://…; empty: messages go to the mailbox table.
	SMTPURL string
	// From is the sender's address; empty: FairQueue <no-reply@localhost>.
	From string
	// Timeout bounds each call to the SMTP server; zero: ten seconds.
	Timeout time.Duration
	Clock   *db.Clock
	Logger  *slog.Logger
}

// Mailer sends messages.
type Mailer struct {
	cfg    Config
	q      *maildb.Queries
	sealer cipher.AEAD
	from   *mail.Address
	smtp   *smtpServer // nil: the mailbox
}

// New returns a Mailer; a malformed SMTPURL or sender is an error.
func New(cfg Config) (*Mailer, error) {
	if cfg.Keys == nil {
		return nil, errors.New("mail: no keys")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.From == "" {
		cfg.From = "FairQueue <no-reply@localhost>"
	}
	from, err := mail.ParseAddress(cfg.From)
	if err != nil {
		return nil, fmt.Errorf("the sender's address %q is not valid: write it like FairQueue <tickets@example.com>", cfg.From)
	}
	m := &Mailer{cfg: cfg, q: maildb.New(), sealer: cfg.Keys.Sealer("mail"), from: from}
	if cfg.SMTPURL != "" {
		if m.smtp, err = parseSMTP(cfg.SMTPURL, cfg.Timeout); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// The River queues that mail uses; the application gives each its workers.
const (
	QueueUrgent = "mail_urgent"
	QueueNormal = "mail"
)

// jobArgs is all that stands readable in the job's row.
type jobArgs struct {
	// Sealed is the AEAD of a letter.
	Sealed  []byte    `json:"sealed"`
	Urgent  bool      `json:"urgent,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// Kind names the job in River's table.
func (jobArgs) Kind() string { return "mail" }

// letter is what is sealed: text as it was written, or the title and parts that text and HTML are made of. Made at the end
// they cost the job's row nothing.
type letter struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text,omitempty"`
	Title   string `json:"title,omitempty"`
	Parts   []Part `json:"parts,omitempty"`
}

// bodies are the text and the HTML of a message.
func (l letter) bodies() (text, html string, err error) {
	if l.Text != "" {
		html, err = plainHTML(l.Subject, l.Text)
		return l.Text, html, err
	}
	full := Letter{To: l.To, Subject: l.Subject, Title: l.Title, Parts: l.Parts}
	html, err = full.html()
	return full.text(), html, err
}

// Enqueue makes a message part of the caller's transaction. The text is sealed
// in the job's row, because it may hold a one-time code.
func (m *Mailer) Enqueue(ctx context.Context, tx pgx.Tx, msg Message) error {
	plain, err := json.Marshal(letter{To: msg.To, Subject: msg.Subject, Text: msg.Text})
	if err != nil {
		return fmt.Errorf("mail.Enqueue: %w", err)
	}
	return m.enqueue(ctx, tx, plain, msg)
}

// enqueue seals a letter; of msg only Urgent and Expires count.
func (m *Mailer) enqueue(ctx context.Context, tx pgx.Tx, plain []byte, msg Message) error {
	args := jobArgs{
		Sealed:  m.sealer.Seal(nil, nil, plain, nil),
		Urgent:  msg.Urgent,
		Expires: msg.Expires,
	}
	opts := &river.InsertOpts{Queue: QueueNormal, MaxAttempts: 25}
	if msg.Urgent {
		opts.Queue, opts.Priority = QueueUrgent, 1
	}
	if _, err := m.cfg.Jobs.InsertTx(ctx, tx, args, opts); err != nil {
		return db.Fault(fmt.Errorf("mail.Enqueue: %w", err))
	}
	return nil
}

// Register adds the worker that sends.
func (m *Mailer) Register(w *river.Workers) { river.AddWorker(w, &sender{m: m}) }

// Sent is a message in the development mailbox.
type Sent struct {
	ID      int64     `json:"-"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	SentAt  time.Time `json:"sent_at"`
}

// Mailbox returns the newest messages first, of one address if to is not empty.
// Without a positive limit it returns up to 50.
func (m *Mailer) Mailbox(ctx context.Context, to string, limit int) ([]Sent, error) {
	if limit <= 0 {
		limit = 50
	}
	n := int32(min(limit, 1000))
	var rows []maildb.NewestRow
	var err error
	if to == "" {
		rows, err = m.q.Newest(ctx, m.cfg.DB, n)
	} else {
		var of []maildb.NewestOfRow
		of, err = m.q.NewestOf(ctx, m.cfg.DB, to, n)
		for _, r := range of {
			rows = append(rows, maildb.NewestRow(r))
		}
	}
	if err != nil {
		return nil, db.Fault(fmt.Errorf("mail.Mailbox: %w", err))
	}
	sent := make([]Sent, 0, len(rows))
	for _, r := range rows {
		sent = append(sent, Sent{ID: r.ID, To: r.Recipient, Subject: r.Subject, Text: r.Body, SentAt: r.SentAt})
	}
	return sent, nil
}

// MailHTML is the HTML of a message in the development mailbox; 404 mail_not_found.
func (m *Mailer) MailHTML(ctx context.Context, id int64) (string, error) {
	html, err := m.q.HTML(ctx, m.cfg.DB, id)
	if db.NoRows(err) || err == nil && html == "" {
		return "", fault.New(fault.NotFound, "mail_not_found", "There is no such message in the mailbox.")
	}
	if err != nil {
		return "", db.Fault(fmt.Errorf("mail.MailHTML: %w", err))
	}
	return html, nil
}
