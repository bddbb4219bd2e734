package payment

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/mail"
	"fairqueue/internal/money"
)

// forTickets chooses between words about one ticket and about n of them; %d in many is n.
func forTickets(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(many, n)
}

const onItsWay = "It goes back the way you paid. You need not do anything. Your bank may take a few days to show it; we write again when it has left us."

// writeReturned tells a fan that the ticket they gave back is taken.
func (s *Service) writeReturned(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, t taken) error {
	parts := []mail.Part{mail.Say("You gave a ticket back. Its code is void now, and the place goes to the next fan in the line.")}
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
		return append(parts, mail.Say("There is no money to send back for it."))
	}
	return append(parts, mail.List(mail.Fact{Name: "Money on its way to you", Value: amount.String()}, mail.Fact{Name: "Reference", Value: p.Reference}), mail.Say(onItsWay))
}

// writeTakenBack tells a fan that the organizer took tickets back.
func (s *Service) writeTakenBack(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, t taken, note string) error {
	parts := organizerSays([]mail.Part{mail.Say("%s", forTickets(len(t.tickets),
		"The organizer has taken a ticket of yours back. Its code is void now and opens no door.",
		"The organizer has taken %d tickets of yours back. Their codes are void now and open no door."))}, note)
	parts = s.moneyBack(parts, p, t.amount)
	if !t.all {
		parts = append(parts, mail.Say("Your other tickets of this order stay good."), mail.Go("Your tickets", s.cfg.PublicURL+"/tickets"))
	}
	title := "Your money is on its way back"
	if t.amount == 0 {
		title = "Your ticket was taken back"
	}
	return s.write(ctx, tx, p, title, parts...)
}

// writePart tells a fan that part of the price goes back while the tickets stay good.
func (s *Service) writePart(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, amount money.Kobo, note string) error {
	parts := organizerSays([]mail.Part{mail.Say("The organizer gives you part of the price back. Your tickets stay good.")}, note)
	return s.write(ctx, tx, p, "Part of your money is on its way back", s.moneyBack(parts, p, amount)...)
}

// writeCancelled tells a fan that the event does not take place.
func (s *Service) writeCancelled(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, t taken, reason string) error {
	parts := organizerSays([]mail.Part{mail.Say("%s We are sorry.", forTickets(len(t.tickets),
		"The event does not take place, and your ticket for it is void.", "The event does not take place, and your %d tickets for it are void."))}, reason)
	return s.write(ctx, tx, p, "The event is cancelled", s.moneyBack(parts, p, t.amount)...)
}

// writeDisputed tells a fan what their bank's question means for the tickets.
func (s *Service) writeDisputed(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, n int) error {
	return s.write(ctx, tx, p, "Your tickets are on hold",
		mail.Say("Your bank tells us that this payment is disputed, and asks for the money back. %s", forTickets(n,
			"Until it has decided, your ticket for this event lets nobody in.", "Until it has decided, your %d tickets for this event let nobody in.")),
		mail.List(mail.Fact{Name: "Reference", Value: p.Reference}),
		mail.Say("If you did not ask your bank for this, call it and say that the payment was yours. When the bank withdraws the question, the tickets are good again by themselves."))
}

// writeRevived tells a fan that the tickets are good again.
func (s *Service) writeRevived(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, n int) error {
	return s.write(ctx, tx, p, "Your tickets are good again",
		mail.Say("Your bank has withdrawn its question about this payment. %s", forTickets(n,
			"Your ticket is good again, with the same code as before.", "Your %d tickets are good again, with the same codes as before.")),
		mail.Go("Your tickets", s.cfg.PublicURL+"/tickets"))
}

// writeLost tells a fan that the bank took the money back.
func (s *Service) writeLost(ctx context.Context, tx pgx.Tx, p paymentdb.Payment) error {
	return s.write(ctx, tx, p, "Your bank has taken the payment back",
		mail.Say("Your bank has taken the money of this payment back for you, so the tickets it paid for are void."),
		mail.List(mail.Fact{Name: "Reference", Value: p.Reference}))
}

// writeStuck tells a fan that money of theirs is held up: that it is still theirs, what comes next, and what nobody who
// asks for it may ask for.
func (s *Service) writeStuck(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, status refundStatus, amount money.Kobo) error {
	facts := mail.List(mail.Fact{Name: "Money that is owed to you", Value: amount.String()}, mail.Fact{Name: "Reference", Value: p.Reference})
	if status == refundAttention {
		return s.write(ctx, tx, p, "Your refund needs a bank account",
			mail.Say("We wanted to send your money back, and it cannot go the way it came. It is still yours, and nothing of it is lost."), facts,
			mail.Say("The organizer of the event knows, and will ask you for the bank and the number of an account of yours. When they have written it down for our payment partner, the money goes there, and we write to you."),
			mail.Say("For this, nobody needs your PIN, your card, a password or a one-time code. Give them to nobody, whoever asks. An account number has 10 digits, and is all there is to tell."),
			mail.Go("See your order", s.cfg.PublicURL+"/checkout/"+p.ClaimID.String()))
	}
	return s.write(ctx, tx, p, "Your refund takes longer",
		mail.Say("We tried to send your money back, and it did not go through. It is still yours, and nothing of it is lost."), facts,
		mail.Say("You need not do anything. The organizer of the event knows, and it is tried again until it goes through. We write to you when it has left us."),
		mail.Say("Nobody needs your PIN, your card or a password to send it. Give them to nobody, whoever asks."),
		mail.Go("See your order", s.cfg.PublicURL+"/checkout/"+p.ClaimID.String()))
}
