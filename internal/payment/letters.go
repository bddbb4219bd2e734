package payment

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/mail"
	"fairqueue/internal/money"
)

// writeTickets tells the buyer where the tickets are.
func (s *Service) writeTickets(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, to string, sold claim.Confirmed, over money.Kobo) error {
	event, err := s.q.EventName(ctx, tx, p.EventID)
	if err != nil {
		return fmt.Errorf("payment: mail: %w", err)
	}
	word := "tickets"
	if len(sold.Lines) == 1 {
		word = "ticket"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Your %s for %s:\n\n", word, event)
	for i := 0; i < len(sold.Lines); {
		n := i
		for n < len(sold.Lines) && sold.Lines[n].TierID == sold.Lines[i].TierID {
			n++
		}
		fmt.Fprintf(&b, "    %d × %s\n", n-i, sold.Lines[i].Tier)
		i = n
	}
	fmt.Fprintf(&b, "\nPaid: %s. Reference: %s.\n\n", money.Kobo(p.AmountKobo), p.Reference)
	if sold.Moved {
		b.WriteString("Your payment reached us after the hold had ended. The places you held were taken by then, so these are equal ones of the same kind and price.\n\n")
	}
	if over > 0 {
		fmt.Fprintf(&b, "You paid %s too much. It goes back the way it came; your bank needs a few days for it.\n\n", over)
	}
	fmt.Fprintf(&b, "Open them here and show the QR code at the door:\n\n    %s/tickets\n", s.cfg.PublicURL)
	return s.cfg.Mail.Enqueue(ctx, tx, mail.Message{To: to, Subject: "Your " + word + " for " + event, Text: b.String()})
}

// whyWords are the reasons of refunds, for people.
var whyWords = map[string]string{
	whyCurrency:  "it came in another currency than the price",
	whyAmount:    "the amount was not the one we asked for",
	whyUnderpaid: "it was less than the price",
	whySecond:    "the tickets were paid for already by another payment of yours",
	whyGone:      "it reached us after the hold had ended, and all tickets of that kind had gone to other people by then",
	whyChanged:   "it was for tickets that you have exchanged for others since",
	whyLimit:     "it reached us after the hold had ended, and you have bought as many tickets as one person may have",
}

// writeRefundDue tells the buyer that the money goes back, and why.
func (s *Service) writeRefundDue(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, amount money.Kobo, why string) error {
	text := fmt.Sprintf("Your payment of %s (reference %s) could not become tickets: %s.\n\n"+
		"We are sending all of it back the way it came. You need not do anything. Your bank may take a few days to show it; we write again when it has left us.\n",
		amount, p.Reference, whyWords[why])
	return s.write(ctx, tx, p, "Your money is on its way back", text)
}

// writeRefunded tells the buyer that money has left us.
func (s *Service) writeRefunded(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, amount money.Kobo) error {
	text := fmt.Sprintf("We have sent back %s of your payment with reference %s. Your bank may take a few days to show it.\n", amount, p.Reference)
	return s.write(ctx, tx, p, "Your refund", text)
}

func (s *Service) write(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, subject, text string) error {
	buyer, err := s.q.Buyer(ctx, tx, p.AccountID)
	if err != nil {
		return fmt.Errorf("payment: mail: %w", err)
	}
	event, err := s.q.EventName(ctx, tx, p.EventID)
	if err != nil {
		return fmt.Errorf("payment: mail: %w", err)
	}
	return s.cfg.Mail.Enqueue(ctx, tx, mail.Message{To: buyer.Email, Subject: subject + " (" + event + ")", Text: text})
}
