package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/mail"
	"fairqueue/internal/money"
)

// Trouble is what of the money of an event waits for a person.
type Trouble struct {
	// Refunds that failed or need the buyer's bank account; Disputes that are open.
	Refunds, Disputes int
}

// Trouble counts what of the money of an event waits for a person.
func (s *Service) Trouble(ctx context.Context, event uuid.UUID) (Trouble, error) {
	row, err := s.q.Trouble(ctx, s.cfg.DB, event)
	if err != nil {
		return Trouble{}, db.Fault(fmt.Errorf("payment.Trouble: %w", err))
	}
	return Trouble{Refunds: int(row.Refunds), Disputes: int(row.Disputes)}, nil
}

// TroubleOf is Trouble for some events at once; events without any are not in it.
func (s *Service) TroubleOf(ctx context.Context, events []uuid.UUID) (map[uuid.UUID]Trouble, error) {
	rows, err := s.q.TroubleOfEvents(ctx, s.cfg.DB, events)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("payment.TroubleOf: %w", err))
	}
	out := make(map[uuid.UUID]Trouble, len(rows))
	for _, r := range rows {
		out[r.EventID] = Trouble{Refunds: int(r.Refunds), Disputes: int(r.Disputes)}
	}
	return out, nil
}

// troubleArgs are the event whose organizers have something to do.
type troubleArgs struct {
	Event uuid.UUID `json:"event"`
}

func (troubleArgs) Kind() string { return "payment_trouble" }

const (
	// troubleSoon gathers what happens together: a cancelled event may have a hundred refunds that fail in one minute.
	troubleSoon = time.Minute
	// troubleEvery is how often at most the organizers of an event are written to.
	troubleEvery = 30 * time.Minute
)

// trouble has the organizers of an event told, in the transaction that writes down what they have to do.
func (s *Service) trouble(ctx context.Context, tx pgx.Tx, event uuid.UUID) error {
	return s.enqueue(ctx, tx, troubleArgs{Event: event}, troubleSoon)
}

// troubled tells the people whom a refund that is stuck concerns: its buyer at once, the organizers with what else they
// have to do. One that is tried each hour and fails each hour is told of once.
func (s *Service) troubled(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, refund uuid.UUID, status refundStatus) error {
	row, err := s.q.GetRefund(ctx, tx, refund)
	if err != nil {
		return fmt.Errorf("payment: refund: %w", err)
	}
	if refundStatus(row.Status) != status {
		return nil // it is owed no more
	}
	// Not only the first time: when their letter is due, it may just be tried again, and fail later.
	if row.OrganizerTold != string(status) {
		if err := s.trouble(ctx, tx, p.EventID); err != nil {
			return err
		}
	}
	n, err := s.q.TellBuyer(ctx, tx, string(status), refund)
	if err != nil {
		return fmt.Errorf("payment: refund: %w", err)
	}
	if n == 0 {
		return nil
	}
	return s.writeStuck(ctx, tx, p, status, money.Kobo(row.AmountKobo))
}

// workTrouble writes to the organizers of an event about what waits for them and what they were not told of yet.
func (s *Service) workTrouble(ctx context.Context, a troubleArgs) error {
	told, err := s.q.TroubleTold(ctx, s.cfg.DB, a.Event)
	if err != nil {
		return fmt.Errorf("payment: trouble: %w", err)
	}
	if !told.News {
		return nil
	}
	if wait := told.At.Add(troubleEvery).Sub(s.cfg.Clock.Now()); wait > 0 {
		return river.JobSnooze(wait)
	}
	return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		refunds, err := s.q.TakeStuckRefunds(ctx, tx, a.Event)
		if err != nil {
			return fmt.Errorf("payment: trouble: %w", err)
		}
		disputes, err := s.q.TakeOpenDisputes(ctx, tx, a.Event)
		if err != nil {
			return fmt.Errorf("payment: trouble: %w", err)
		}
		if len(refunds)+len(disputes) == 0 {
			return nil
		}
		return s.writeTrouble(ctx, tx, a.Event, refunds, disputes)
	})
}

// troubleShown is how many refunds and disputes a letter names; the page of the orders has them all.
const troubleShown = 10

func (s *Service) writeTrouble(ctx context.Context, tx pgx.Tx, event uuid.UUID, refunds []paymentdb.TakeStuckRefundsRow, disputes []paymentdb.TakeOpenDisputesRow) error {
	e, err := s.q.EventFacts(ctx, tx, event)
	if err != nil {
		return fmt.Errorf("payment: trouble: %w", err)
	}
	zone, err := catalog.Location(e.Timezone)
	if err != nil {
		return fmt.Errorf("payment: trouble: %w", err)
	}
	to, err := s.q.OrganizersOf(ctx, tx, event)
	if err != nil {
		return fmt.Errorf("payment: trouble: %w", err)
	}
	var facts []mail.Fact
	var failed, account int
	for _, r := range refunds {
		what := "did not go through"
		if refundStatus(r.Status) == refundAttention {
			account++
			what = "needs the buyer's bank account"
		} else {
			failed++
		}
		facts = append(facts, mail.Fact{Name: "Refund of " + money.Kobo(r.AmountKobo).String() + " to " + r.Email, Value: what})
	}
	for _, d := range disputes {
		by := "answer it at Paystack"
		if d.DueAt != nil {
			by = "answer by " + d.DueAt.In(zone).Format("Monday 2 January, 15:04")
		}
		facts = append(facts, mail.Fact{Name: "Dispute about " + money.Kobo(d.AmountKobo).String() + " of " + d.Email, Value: by})
	}
	title := troubleTitle(len(refunds), len(disputes))
	parts := []mail.Part{mail.Say("This is about %s, %s.", e.Name, e.StartsAt.In(zone).Format("Monday 2 January 2006")), mail.List(facts[:min(len(facts), troubleShown)]...)}
	if more := len(facts) - troubleShown; more > 0 {
		parts = append(parts, mail.Say("And %d more.", more))
	}
	if failed > 0 {
		parts = append(parts, mail.Say("A refund that does not go through: most often the balance of your Paystack account is too small for it. Fill it up. We try again once an hour, and you can at once, from the page of the order. While a bank asks for the same money, both wait until it has decided."))
	}
	if account > 0 {
		parts = append(parts, mail.Say("A refund that needs a bank account cannot go back the way it came. Ask the buyer for the bank and the number of an account, and write them on the page of the order. Never ask for a PIN, a card or a password."))
	}
	if len(disputes) > 0 {
		parts = append(parts, mail.Say("A dispute: the buyer's bank asks for the money back. Answer it in your Paystack dashboard, under Disputes; without an answer in time the money is lost. Do not send a refund on top."))
	}
	parts = append(parts, mail.Go("See what to do", s.cfg.PublicURL+"/organizer/events/"+event.String()+"/orders?needs=you"))
	for _, email := range to {
		if err := s.cfg.Mail.Write(ctx, tx, mail.Letter{To: email, Subject: title + " (" + e.Name + ")", Title: title, Parts: parts}); err != nil {
			return err
		}
	}
	return nil
}

// troubleTitle is "2 refunds and 1 dispute need you".
func troubleTitle(refunds, disputes int) string {
	title, need := "", " need you"
	if refunds > 0 {
		title = forTickets(refunds, "1 refund", "%d refunds")
	}
	if refunds > 0 && disputes > 0 {
		title += " and "
	}
	if disputes > 0 {
		title += forTickets(disputes, "1 dispute", "%d disputes")
	}
	if refunds+disputes == 1 {
		need = " needs you"
	}
	return title + need
}
