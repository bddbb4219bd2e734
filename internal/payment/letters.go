package payment

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog"
	"fairqueue/internal/claim"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/mail"
	"fairqueue/internal/money"
	"fairqueue/internal/ticket"
)

// writeTickets tells the buyer where the tickets are.
func (s *Service) writeTickets(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, to string, sold claim.Confirmed, over money.Kobo) error {
	event, err := s.q.EventFacts(ctx, tx, p.EventID)
	if err != nil {
		return fmt.Errorf("payment: mail: %w", err)
	}
	begins, err := when(catalog.NewEvent{Timezone: event.Timezone, StartsAt: event.StartsAt})
	if err != nil {
		return err
	}
	word := "tickets"
	if len(sold.Lines) == 1 {
		word = "ticket"
	}
	facts := append([]mail.Fact{{Name: "Begins", Value: begins}, {Name: "Place", Value: event.Venue}}, bought(sold.Lines)...)
	l := mail.Letter{To: to, Subject: "Your " + word + " for " + event.Name, Title: "You are going", Parts: []mail.Part{mail.Stub(event.Name, facts...)}}
	if p.AmountKobo > 0 {
		l.Parts = append(l.Parts, mail.List(mail.Fact{Name: "Paid", Value: money.Kobo(p.AmountKobo).String()}, mail.Fact{Name: "Reference", Value: p.Reference}))
	}
	if sold.Moved {
		l.Parts = append(l.Parts, mail.Say("Your payment reached us after the hold had ended. The places you held were taken by then, so these are equal ones of the same kind and price."))
	}
	if over > 0 {
		l.Parts = append(l.Parts, mail.Say("You paid %s too much. It goes back the way it came; your bank needs a few days for it.", over))
	}
	l.Parts = append(l.Parts, mail.Say("Show the code of each ticket at the gate, on your phone or on paper. Tickets stay with the account that bought them; on their page you can save, print and, where the organizer allows it, give them back."),
		mail.Go("Open your "+word, s.cfg.PublicURL+"/tickets"))
	return s.cfg.Mail.Write(ctx, tx, l)
}

// bought are the tickets of an order by kind, with their seats.
func bought(lines []claim.Line) (facts []mail.Fact) {
	for i := 0; i < len(lines); {
		n := i
		var seats []string
		for ; n < len(lines) && lines[n].TierID == lines[i].TierID; n++ {
			if seat := lines[n].Seat; seat != nil {
				seats = append(seats, ticket.Place(lines[n].Tier, seat.Section, seat.Row, seat.Label))
			}
		}
		facts = append(facts, mail.Fact{Name: "Tickets", Value: strconv.Itoa(n-i) + " × " + lines[i].Tier})
		if len(seats) > 0 {
			facts = append(facts, mail.Fact{Name: "Seats", Value: strings.Join(seats, "; ")})
		}
		i = n
	}
	return facts
}

// whyWords are the reasons why a payment could not become tickets, for people.
var whyWords = map[string]string{
	whyCurrency:  "it came in another currency than the price",
	whyAmount:    "the amount was not the one we asked for",
	whyUnderpaid: "it was less than the price",
	whySecond:    "the tickets were paid for already by another payment of yours",
	whyGone:      "it reached us after the hold had ended, and all tickets of that kind had gone to other people by then",
	whyChanged:   "it was for tickets that you have exchanged for others since",
	whyLimit:     "it reached us after the hold had ended, and you have bought as many tickets as one person may have",
	whyCancelled: "the event does not take place",
	whyOver:      "it reached us after the event had begun",
}

// writeRefundDue tells the buyer that the money goes back, and why.
func (s *Service) writeRefundDue(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, amount money.Kobo, why string) error {
	parts := []mail.Part{mail.Say("Your payment could not become tickets: %s. We are sending all of it back the way it came.", whyWords[why])}
	if why == whyCancelled {
		rules, err := s.q.RulesOfEvent(ctx, tx, p.EventID)
		if err != nil {
			return fmt.Errorf("payment: mail: %w", err)
		}
		parts = organizerSays(parts, rules.CancelReason)
	}
	return s.write(ctx, tx, p, "Your money is on its way back", append(parts,
		mail.List(mail.Fact{Name: "Amount", Value: amount.String()}, mail.Fact{Name: "Reference", Value: p.Reference}),
		mail.Say("You need not do anything. Your bank may take a few days to show it; we write again when it has left us."))...)
}

// write tells the buyer of a payment something about it; the title is the subject, too.
func (s *Service) write(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, title string, parts ...mail.Part) error {
	buyer, err := s.q.Buyer(ctx, tx, p.AccountID)
	if err != nil {
		return fmt.Errorf("payment: mail: %w", err)
	}
	event, err := s.q.EventFacts(ctx, tx, p.EventID)
	if err != nil {
		return fmt.Errorf("payment: mail: %w", err)
	}
	begins, err := when(catalog.NewEvent{Timezone: event.Timezone, StartsAt: event.StartsAt})
	if err != nil {
		return err
	}
	// Whoever has tickets for several events must see at once which one this is about.
	about := mail.Stub(event.Name, mail.Fact{Name: "Begins", Value: begins}, mail.Fact{Name: "Place", Value: event.Venue})
	return s.cfg.Mail.Write(ctx, tx, mail.Letter{
		To: buyer.Email, Subject: title + " (" + event.Name + ")", Title: title, Parts: append([]mail.Part{about}, parts...),
	})
}

// writeRefunded tells the buyer that money has left us.
func (s *Service) writeRefunded(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, amount money.Kobo) error {
	return s.write(ctx, tx, p, "Your refund",
		mail.Say("We have sent back %s of your payment. Your bank may take a few days to show it.", amount),
		mail.List(mail.Fact{Name: "Amount", Value: amount.String()}, mail.Fact{Name: "Reference", Value: p.Reference}))
}
