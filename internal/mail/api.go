// Package mail knows messages to people: each is a durable job.
package mail

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"fairqueue/internal/db"
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
	// SMTPURL such as smtp://user:pass@host:587; empty: messages go to the mailbox table.
	SMTPURL string
	// From is the sender's address.
	From   string
	Logger *slog.Logger
}

// Mailer sends messages.
type Mailer struct{ cfg Config }

// New returns a Mailer; a malformed SMTPURL is an error.
func New(cfg Config) (*Mailer, error) { return &Mailer{cfg: cfg}, nil }

// Enqueue makes a message part of the caller's transaction. The text is sealed
// in the job's row, because it may hold a one-time code.
func (m *Mailer) Enqueue(ctx context.Context, tx pgx.Tx, msg Message) error { panic("not built") }

// Register adds the worker that sends.
func (m *Mailer) Register(w *river.Workers) { panic("not built") }

// The River queues that mail uses; the application gives each its workers.
const (
	QueueUrgent = "mail_urgent"
	QueueNormal = "mail"
)

// Sent is a message in the development mailbox.
type Sent struct {
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	SentAt  time.Time `json:"sent_at"`
}

// Mailbox returns the newest messages first, of one address if to is not empty.
func (m *Mailer) Mailbox(ctx context.Context, to string, limit int) ([]Sent, error) {
	panic("not built")
}
