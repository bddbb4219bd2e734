package payment

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/mail"
	"fairqueue/internal/money"
)

// ticketsWord is how many tickets, in words: "1 ticket", "3 tickets".
func ticketsWord(n int) string {
	if n == 1 {
		return "1 ticket"
	}
	return fmt.Sprintf("%d tickets", n)
}

const onItsWay = "It goes back the way you paid. You need not do anything. Your bank may take a few days to show it; we write again when it has left us."

// writeReturned tells a fan that the ticket they gave back is taken.
func (s *Service) writeReturned(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, t taken) error {
	parts := []mail.Part{mail.Say("You gave %s back. The code is void now, and the place goes to the next fan in the line.", ticketsWord(len(t.tickets)))}
	parts = s.moneyBack(parts, p, t.amount)
	parts = append(parts, mail.Go("Your tickets", s.cfg.PublicURL+"/tickets"))
	return s.write(ctx, tx, p, "Your ticket is given back", parts...)
}

// organizerSays is what the organizer writes about a refund.
func organizerSays(parts []mail.Part, note string) []mail.Part {
	if note == "" {
		return parts
	}
	return append(parts, mail.Say("The organizer writes: %s", note))
}

// moneyBack are the facts of money that goes back.
func (s *Service) moneyBack(parts []mail.Part, p paymentdb.Payment, amount money.Kobo) []mail.Part {
	if amount == 0 {
		return append(parts, mail.Say("Nothing was paid for it, so there is no money to send back."))
	}
	return append(parts, mail.List(mail.Fact{Name: "Money on its way to you", Value: amount.String()}, mail.Fact{Name: "Reference", Value: p.Reference}), mail.Say(onItsWay))
}

// writeTakenBack tells a fan that the organizer took tickets back.
func (s *Service) writeTakenBack(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, t taken, note string) error {
	word := "are"
	if len(t.tickets) == 1 {
		word = "is"
	}
	parts := organizerSays([]mail.Part{mail.Say("The organizer has taken %s of yours back. Their code %s void now and opens no door.", ticketsWord(len(t.tickets)), word)}, note)
	parts = s.moneyBack(parts, p, t.amount)
	if !t.all {
		parts = append(parts, mail.Say("Your other tickets of this order stay good."), mail.Go("Your tickets", s.cfg.PublicURL+"/tickets"))
	}
	return s.write(ctx, tx, p, "Your money is on its way back", parts...)
}

// writePart tells a fan that part of the price goes back while the tickets stay good.
func (s *Service) writePart(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, amount money.Kobo, note string) error {
	parts := organizerSays([]mail.Part{mail.Say("The organizer gives you part of the price back. Your tickets stay good.")}, note)
	return s.write(ctx, tx, p, "Part of your money is on its way back", s.moneyBack(parts, p, amount)...)
}

// writeCancelled tells a fan that the event does not take place.
func (s *Service) writeCancelled(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, t taken) error {
	parts := []mail.Part{mail.Say("The event does not take place, and your %s for it let nobody in any more. We are sorry.", ticketsWord(len(t.tickets)))}
	return s.write(ctx, tx, p, "The event is cancelled", s.moneyBack(parts, p, t.amount)...)
}

// writeDisputed tells a fan what their bank's question means for the tickets.
func (s *Service) writeDisputed(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, n int) error {
	return s.write(ctx, tx, p, "Your tickets are on hold",
		mail.Say("Your bank tells us that this payment is disputed, and asks for the money back. Until it has decided, your %s for this event let nobody in.", ticketsWord(n)),
		mail.List(mail.Fact{Name: "Reference", Value: p.Reference}),
		mail.Say("If you did not ask your bank for this, call it and say that the payment was yours. When the bank withdraws the question, the tickets are good again by themselves."))
}

// writeRevived tells a fan that the tickets are good again.
func (s *Service) writeRevived(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, n int) error {
	return s.write(ctx, tx, p, "Your tickets are good again",
		mail.Say("Your bank has withdrawn its question about this payment. Your %s let you in, with the same code as before.", ticketsWord(n)),
		mail.Go("Your tickets", s.cfg.PublicURL+"/tickets"))
}

// writeLost tells a fan that the bank took the money back.
func (s *Service) writeLost(ctx context.Context, tx pgx.Tx, p paymentdb.Payment) error {
	return s.write(ctx, tx, p, "Your bank has taken the payment back",
		mail.Say("Your bank has taken the money of this payment back for you, so the tickets it paid for are void."),
		mail.List(mail.Fact{Name: "Reference", Value: p.Reference}))
}
