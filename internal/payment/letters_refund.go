package payment

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/mail"
)

// letter writes to the buyer of a payment.
func (s *Service) letter(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, subject, title string, parts ...mail.Part) error {
	buyer, err := s.q.Buyer(ctx, tx, p.AccountID)
	if err != nil {
		return fmt.Errorf("payment: mail: %w", err)
	}
	event, err := s.q.EventName(ctx, tx, p.EventID)
	if err != nil {
		return fmt.Errorf("payment: mail: %w", err)
	}
	return s.cfg.Mail.Write(ctx, tx, mail.Letter{To: buyer.Email, Subject: subject + " (" + event + ")", Title: title, Parts: parts})
}

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
	if t.amount > 0 {
		parts = append(parts, mail.List(mail.Fact{Name: "Money on its way to you", Value: t.amount.String()}, mail.Fact{Name: "Reference", Value: p.Reference}), mail.Say(onItsWay))
	} else {
		parts = append(parts, mail.Say("It was free, so there is no money to send back."))
	}
	parts = append(parts, mail.Go("Your tickets", s.cfg.PublicURL+"/tickets"))
	return s.letter(ctx, tx, p, "You gave your ticket back", "Your ticket is given back", parts...)
}
