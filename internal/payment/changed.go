package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/mail"
	"fairqueue/internal/sale"
)

var errChangeOff = fault.New(fault.Conflict, "event_cancelled", "This event is cancelled, so nothing about it can be changed.")

// changedAfter is how long a letter about a change waits: who corrects a change at once makes one letter of both.
const changedAfter = 2 * time.Minute

// ChangeDetails changes the name, place or time of an event and of all sales of its show. Everybody who holds a good
// ticket is told by mail two minutes later what is true then. 422 with the field's path; 409 event_cancelled.
func (s *Service) ChangeDetails(ctx context.Context, event, by uuid.UUID, d catalog.Details) (*sale.Snapshot, error) {
	var done catalog.Changed
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		fate, err := s.q.HoldSale(ctx, tx, event)
		if err != nil {
			return fmt.Errorf("payment.ChangeDetails: %w", err)
		}
		if done, err = catalog.ChangeTx(ctx, tx, event, d); err != nil {
			return err
		}
		if fate.Cancelled {
			return errChangeOff
		}
		if !done.Any() {
			return nil
		}
		body := map[string]any{"by": by, "changes": differences(done)}
		for _, id := range done.Events {
			if err := ledger.Write(ctx, tx, id, ledger.EventChanged, body); err != nil {
				return err
			}
		}
		show, err := catalog.LockShowTx(ctx, tx, event)
		if err != nil {
			return err
		}
		return s.enqueueChanged(ctx, tx, changedArgs{Show: show.ID, Changed: done}, changedAfter)
	})
	if err != nil {
		return nil, db.Fault(err)
	}
	for _, id := range done.Events {
		if id != event {
			if _, err := s.cfg.Sales.Fresh(ctx, id); err != nil {
				return nil, err
			}
		}
	}
	return s.cfg.Sales.Fresh(ctx, event)
}

// differences are the fields that changed, as the ledger keeps them.
func differences(c catalog.Changed) map[string]any {
	out := map[string]any{}
	put := func(name string, from, to any, differs bool) {
		if differs {
			out[name] = map[string]any{"from": from, "to": to}
		}
	}
	put("name", c.Was.Name, c.Is.Name, c.Was.Name != c.Is.Name)
	put("venue", c.Was.Venue, c.Is.Venue, c.Was.Venue != c.Is.Venue)
	put("timezone", c.Was.Timezone, c.Is.Timezone, c.Was.Timezone != c.Is.Timezone)
	put("starts_at", c.Was.StartsAt.UTC(), c.Is.StartsAt.UTC(), !c.Was.StartsAt.Equal(c.Is.StartsAt))
	return out
}

// Holders is how many people hold good tickets of the show of an event: whom ChangeDetails writes to.
func (s *Service) Holders(ctx context.Context, event uuid.UUID) (int64, error) {
	n, err := s.q.CountHolders(ctx, s.cfg.DB, event)
	if err != nil {
		return 0, db.Fault(fmt.Errorf("payment.Holders: %w", err))
	}
	return n, nil
}

// changedArgs are what the holders of tickets of a show knew before it changed, and whom of them, in the order of their
// accounts, the letters have reached. They name events only, and nobody who holds tickets.
type changedArgs struct {
	Show    uuid.UUID       `json:"show" river:"unique"`
	Changed catalog.Changed `json:"changed"`
	After   uuid.UUID       `json:"after" river:"unique"`
}

func (changedArgs) Kind() string { return "event_changed" }

// enqueueChanged adds a job unless one for the same show and page waits already: that one knows what was true before the
// first change, and reads what is true when it works, under the lock that a change takes. A change that comes while it
// works waits for its end, and then makes a job of its own.
func (s *Service) enqueueChanged(ctx context.Context, tx pgx.Tx, a changedArgs, after time.Duration) error {
	_, err := s.cfg.Jobs.InsertTx(ctx, tx, a, &river.InsertOpts{
		Queue: QueueMoney, MaxAttempts: jobAttempts, ScheduledAt: s.cfg.Clock.Now().Add(after),
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
		}},
	})
	if err != nil {
		return fmt.Errorf("payment: enqueue %s: %w", a.Kind(), err)
	}
	return nil
}

// changedWorker writes to a page of holders. The letters, the next page's job and the end of its own are one
// transaction, so that a crash neither leaves anybody out nor writes to anybody twice.
type changedWorker struct {
	river.WorkerDefaults[changedArgs]
	s *Service
}

const holdersPage = 200

// Timeout ends one attempt.
func (w *changedWorker) Timeout(*river.Job[changedArgs]) time.Duration { return 45 * time.Second }

// Work writes to the next holders.
func (w *changedWorker) Work(ctx context.Context, job *river.Job[changedArgs]) error {
	s, a := w.s, job.Args
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		if a.Show == uuid.Nil && len(a.Changed.Events) > 0 {
			a.Show = a.Changed.Events[0] // of a version that did not wait
		}
		show, err := catalog.LockShowTx(ctx, tx, a.Show)
		if err != nil {
			return err
		}
		a.Changed.Is = show.Facts
		var holders []paymentdb.HoldersRow
		if a.Changed.Any() { // else it was changed back, and nobody has heard of it
			if holders, err = s.q.Holders(ctx, tx, a.Changed.Events, a.After, holdersPage); err != nil {
				return err
			}
		}
		for _, h := range holders {
			letter, err := s.changedLetter(a.Changed, h.Email, h.Tickets)
			if err != nil {
				return err
			}
			if err := s.cfg.Mail.Write(ctx, tx, letter); err != nil {
				return err
			}
		}
		if len(holders) == holdersPage {
			next := a
			next.After = holders[len(holders)-1].ID
			if err := s.enqueueChanged(ctx, tx, next, 0); err != nil {
				return err
			}
		}
		_, err = river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
	if err != nil {
		return db.Fault(fmt.Errorf("payment: letters to holders: %w", err))
	}
	return nil
}

// changedLetter says what is different now, and that the tickets stay good.
func (s *Service) changedLetter(c catalog.Changed, to string, tickets int64) (mail.Letter, error) {
	was, err := when(c.Was)
	if err != nil {
		return mail.Letter{}, err
	}
	is, err := when(c.Is)
	if err != nil {
		return mail.Letter{}, err
	}
	var facts []mail.Fact
	for _, f := range []struct{ name, was, is string }{{"Name", c.Was.Name, c.Is.Name}, {"Place", c.Was.Venue, c.Is.Venue}, {"It begins", was, is}} {
		if f.was != f.is {
			facts = append(facts, mail.Fact{Name: f.name + " (before)", Value: f.was}, mail.Fact{Name: f.name + " (now)", Value: f.is})
		}
	}
	yours, stay := "your ticket", "Your ticket stays good, and its code is the same: one that you printed or saved still lets you in."
	if tickets != 1 {
		yours, stay = "your tickets", "Your tickets stay good, and their codes are the same: what you printed or saved still lets you in."
	}
	return mail.Letter{
		To: to, Subject: "Changed: " + c.Is.Name, Title: "The organizer has changed your event",
		Parts: []mail.Part{
			mail.Say("This is about %s for %s.", yours, c.Was.Name),
			mail.List(facts...),
			mail.Say("%s", stay),
			mail.Say("If you put the event into your calendar, add it again from the page of your ticket. If you cannot come now, that page says whether you can give the ticket back."),
			mail.Go("Open "+yours, s.cfg.PublicURL+"/tickets"),
		},
	}, nil
}

// when is the time of an event in words, where it takes place.
func when(e catalog.NewEvent) (string, error) {
	zone, err := catalog.Location(e.Timezone)
	if err != nil {
		return "", fmt.Errorf("payment: letters to holders: %w", err)
	}
	return e.StartsAt.In(zone).Format("Monday 2 January 2006, 15:04") + " (" + e.Timezone + ")", nil
}
