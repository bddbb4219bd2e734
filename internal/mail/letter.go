package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Letter is a message as its writer means it. It goes out as text and as HTML, both made from the same parts.
type Letter struct {
	To, Subject string
	// Title is the one thing it says.
	Title string
	Parts []Part
}

// Part is one piece of a letter: a paragraph, facts, a ticket, or a button.
type Part struct {
	// Text is a paragraph, or the heading of a ticket.
	Text string `json:",omitempty"`
	// Facts stand below each other.
	Facts []Fact `json:",omitempty"`
	// Ticket prints heading and facts as a stub.
	Ticket bool `json:",omitempty"`
	// Button leads to URL.
	Button string `json:",omitempty"`
	URL    string `json:",omitempty"`
}

// Fact is a name with its value.
type Fact struct{ Name, Value string }

// Say is a paragraph.
func Say(format string, args ...any) Part { return Part{Text: fmt.Sprintf(format, args...)} }

// List is facts below each other.
func List(facts ...Fact) Part { return Part{Facts: facts} }

// Stub is a ticket: what it lets in to, and its facts. Only what is the reader's own ticket looks like one.
func Stub(heading string, facts ...Fact) Part { return Part{Text: heading, Facts: facts, Ticket: true} }

// Go is a button that leads somewhere.
func Go(label, url string) Part { return Part{Button: label, URL: url} }

// Write enqueues a letter in the caller's transaction.
func (m *Mailer) Write(ctx context.Context, tx pgx.Tx, l Letter) error {
	plain, err := json.Marshal(letter{To: l.To, Subject: l.Subject, Title: l.Title, Parts: l.Parts})
	if err != nil {
		return fmt.Errorf("mail.Write: %w", err)
	}
	return m.enqueue(ctx, tx, plain, Message{})
}

func (l Letter) text() string {
	var b strings.Builder
	b.WriteString(l.Title + "\n")
	for _, p := range l.Parts {
		b.WriteString("\n")
		if p.Text != "" {
			b.WriteString(p.Text + "\n")
		}
		for _, f := range p.Facts {
			b.WriteString("    " + f.Name + ": " + f.Value + "\n")
		}
		if p.URL != "" {
			b.WriteString(p.Button + ":\n\n    " + p.URL + "\n")
		}
	}
	return b.String()
}
