package ticket

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/ticketdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
)

// MaxName is how many characters the name of a holder has at most.
const MaxName = 100

var (
	errNoSuchTicket  = fault.New(fault.NotFound, "ticket_not_found", "There is no such ticket of this event.")
	errNameCorrected = fault.New(fault.Conflict, "name_corrected_already", "The name on this ticket was corrected before. It can be corrected once only.")
	errNotValid      = fault.New(fault.Conflict, "ticket_not_valid", "Only the name on a valid ticket can be corrected.")
)

// CorrectName puts a typing error in the name of a holder right, once a ticket: 404 ticket_not_found for a ticket of another
// event, 422 invalid_name, 409 name_corrected_already and ticket_not_valid. The name that is there already changes nothing
// and uses nothing up, so the same request may come twice.
func (s *Service) CorrectName(ctx context.Context, event, id, by uuid.UUID, name string) (Ticket, error) {
	var account uuid.UUID
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		row, err := s.q.LockTicket(ctx, tx, id, event)
		if db.NoRows(err) {
			return errNoSuchTicket
		}
		if err != nil {
			return db.Fault(fmt.Errorf("ticket.CorrectName: %w", err))
		}
		account = row.AccountID
		name, err = cleanName(name)
		switch {
		case err != nil:
			return err
		case name == row.HolderName:
			return nil
		case row.NameCorrectedAt != nil:
			return errNameCorrected
		case InEffect(Status(row.Status), row.CancelledAt) != Valid:
			return errNotValid
		}
		n, err := s.q.CorrectName(ctx, tx, name, id)
		if err != nil {
			return db.Fault(fmt.Errorf("ticket.CorrectName: %w", err))
		}
		if n != 1 {
			return errNameCorrected
		}
		// The ledger holds nothing personal: neither the old name nor the new one.
		return ledger.Write(ctx, tx, event, ledger.NameCorrected, map[string]any{"ticket": id, "by": by})
	})
	if err != nil {
		return Ticket{}, err
	}
	return s.Get(ctx, account, id)
}

// Holders are the names for the tickets of an order, in its order, as they are printed; an empty one stays empty, and so does the
// whole where nobody is named: the buyer then holds the ticket. 422 invalid_request with the path of each that is wrong.
func Holders(names []string, tickets int) ([]string, error) {
	if len(names) == 0 {
		return []string{}, nil
	}
	if len(names) != tickets {
		return nil, fault.InvalidField(fault.Field{Path: "holders", Message: fmt.Sprintf("There are %d tickets in this order: name as many holders, in their order, or none.", tickets)})
	}
	var wrong []fault.Field
	clean, named := make([]string, len(names)), false
	for i, name := range names {
		if strings.TrimSpace(name) == "" {
			continue
		}
		named = true
		var bad string
		if clean[i], bad = PrintedName(name); bad != "" {
			wrong = append(wrong, fault.Field{Path: fmt.Sprintf("holders[%d]", i), Message: bad})
		}
	}
	switch {
	case wrong != nil:
		return nil, fault.InvalidField(wrong...)
	case !named:
		return []string{}, nil
	}
	return clean, nil
}

// cleanName is a name as it is printed; 422 invalid_name.
func cleanName(name string) (string, error) {
	name, bad := PrintedName(name)
	if bad != "" {
		return "", &fault.Error{
			Kind: fault.Invalid, Code: "invalid_name", Message: bad,
			Fields: []fault.Field{{Path: "name", Message: bad}},
		}
	}
	return name, nil
}

// PrintedName is a name as it stands on a ticket, or what is wrong with it, in words for whoever wrote it. It is the one rule
// for buyers, holders and corrections: a letter of any script at least, so that the door can call it, no address, which the
// door has no use for and nobody should read there, and nothing that could pass for something else in a page, a mail or a list.
func PrintedName(name string) (clean, bad string) {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable) {
		return "", "The name holds characters that cannot be shown."
	}
	name = strings.Join(strings.Fields(name), " ")
	switch {
	case name == "":
		return "", "Write the name as it should stand on the ticket."
	case utf8.RuneCountInString(name) > MaxName:
		return "", fmt.Sprintf("The name is too long: %d characters at most.", MaxName)
	case strings.ContainsAny(name, "<>"):
		return "", "Write the name without the signs < and >."
	case strings.ContainsAny(name, "@\uff20\ufe6b"): // in each of its widths
		return "", "Write a name, not an e-mail address: a name has no sign @."
	case !strings.ContainsFunc(name, unicode.IsLetter):
		return "", "A name needs at least one letter."
	}
	return name, ""
}

// BuyerName is who holds a ticket for whom nobody said a name: the buyer by the name of the account, else by what stands before
// the @, as far as that reads like a name.
func BuyerName(name, email string) string {
	if name != "" {
		return name
	}
	if guess := NameFrom(email); guess != "" {
		return guess
	}
	local, _, _ := strings.Cut(email, "@")
	return local
}

// NameFrom reads a name out of an e-mail address: "ada.obi77@example.test" is Ada Obi. It is empty where there is none.
func NameFrom(email string) string {
	local, _, _ := strings.Cut(email, "@")
	local, _, _ = strings.Cut(local, "+")
	var words []string
	for _, w := range strings.FieldsFunc(local, func(r rune) bool { return r == '.' || r == '_' || r == '-' }) {
		if w = strings.TrimRightFunc(w, unicode.IsDigit); w == "" {
			continue
		}
		first, size := utf8.DecodeRuneInString(w)
		words = append(words, string(unicode.ToTitle(first))+w[size:])
	}
	name, bad := PrintedName(strings.Join(words, " "))
	if bad != "" {
		return ""
	}
	return name
}

// unprintable are control characters, but for those that are spaces, and marks that turn the writing of what follows.
func unprintable(r rune) bool {
	return unicode.IsControl(r) && !unicode.IsSpace(r) || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}

// NamesCorrected is how many tickets of an event had their name put right: the fairness page tells it.
func NamesCorrected(ctx context.Context, c db.Conn, event uuid.UUID) (int64, error) {
	n, err := ticketdb.New().NamesCorrected(ctx, c, event)
	if err != nil {
		return 0, db.Fault(fmt.Errorf("ticket.NamesCorrected: %w", err))
	}
	return n, nil
}
