package queue

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/mail"
)

// turnMail is the job that writes to those whom one step called. A step enqueues
// one of them, however many it called, so that letters cost it nothing.
type turnMail struct {
	Event uuid.UUID `json:"event"`
	Step  int64     `json:"step"`
}

// Kind names the job in River's table.
func (turnMail) Kind() string { return "turn_mail" }

// Register adds the worker that writes the letters of a step.
func (s *Service) Register(w *river.Workers) { river.AddWorker(w, &turnWriter{s: s}) }

type turnWriter struct {
	river.WorkerDefaults[turnMail]
	s *Service
}

// Work writes each letter of a step once: the letters and the end of the job are one transaction.
func (w *turnWriter) Work(ctx context.Context, job *river.Job[turnMail]) error {
	return db.InTx(ctx, w.s.cfg.DB, func(tx pgx.Tx) error {
		rows, err := queuedb.New().TurnMails(ctx, tx, job.Args.Event, job.Args.Step)
		if err != nil {
			return fmt.Errorf("queue: turn mails: %w", err)
		}
		for _, r := range rows {
			if err := w.s.writeTurn(ctx, tx, r); err != nil {
				return err
			}
		}
		_, err = river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
}

// enqueueTurnMails makes the letters of a step part of it.
func (s *Service) enqueueTurnMails(ctx context.Context, tx pgx.Tx, event uuid.UUID, step int64) error {
	if s.cfg.Mail == nil || s.cfg.Jobs == nil {
		return nil
	}
	_, err := s.cfg.Jobs.InsertTx(ctx, tx, turnMail{Event: event, Step: step}, &river.InsertOpts{Queue: mail.QueueNormal, MaxAttempts: 25})
	if err != nil {
		return fmt.Errorf("queue: turn mails: %w", err)
	}
	return nil
}

func (s *Service) page(slug, page string) string {
	return s.cfg.Issuer + "/events/" + slug + "/" + page
}

// writeTurn tells a fan that their turn has come. It is of no use when the turn is over.
func (s *Service) writeTurn(ctx context.Context, tx pgx.Tx, r queuedb.TurnMailsRow) error {
	zone, err := catalog.Location(r.Timezone)
	if err != nil {
		return fmt.Errorf("queue: turn mails: %w", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Your turn for %s has come.\n\n", r.Name)
	fmt.Fprintf(&b, "Come in before %s (%s):\n\n    %s\n\n", r.EndsAt.In(zone).Format("15:04:05"), r.Timezone, s.page(r.Slug, "queue"))
	b.WriteString("On that page you can ask for two more minutes, and if you miss your turn, for another one soon after.\n\n")
	b.WriteString("You asked us to write when your turn comes. Nobody can use this link in your place: it works where you are signed in.\n")
	return s.cfg.Mail.Enqueue(ctx, tx, mail.Message{To: r.Email, Subject: "It is your turn: " + r.Name, Text: b.String(), Expires: r.EndsAt})
}

// writeLobby tells a fan that they are in the lobby, and the commitment: what is
// in their hands cannot be exchanged quietly.
func (s *Service) writeLobby(ctx context.Context, tx pgx.Tx, p queuedb.LockWishRow) error {
	if s.cfg.Mail == nil {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "You are in the lobby for %s.\n\n", p.Name)
	b.WriteString("When the sale opens, everybody in the lobby gets a number by a draw. When you came does not matter, so there is nothing to hurry for. We write again when it is your turn.\n\n")
	fmt.Fprintf(&b, "Keep this mail. We have already fixed the secret that decides the draw, and this is its fingerprint:\n\n    %s\n\n", hex.EncodeToString(p.Commitment))
	fmt.Fprintf(&b, "After the draw the secret is published, and anybody can check that its SHA-256 is this fingerprint:\n\n    %s\n\n", s.page(p.Slug, "fairness"))
	fmt.Fprintf(&b, "Your spot: %s\nYou joined at %s, as arrival %d.\n", p.ID, p.JoinedAt.UTC().Format(time.RFC3339), p.Arrival)
	return s.cfg.Mail.Enqueue(ctx, tx, mail.Message{To: p.Email, Subject: "You are in the lobby: " + p.Name, Text: b.String()})
}
