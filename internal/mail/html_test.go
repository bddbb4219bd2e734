package mail_test

import (
	"encoding/xml"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/rivertype"

	"fairqueue/internal/db"
	"fairqueue/internal/fault"
	"fairqueue/internal/mail"
)

func (o *office) write(l mail.Letter) {
	o.t.Helper()
	err := db.InTx(o.t.Context(), o.pool, func(tx pgx.Tx) error { return o.Write(o.t.Context(), tx, l) })
	if err != nil {
		o.t.Fatal(err)
	}
}

// newest is the text and the HTML of the newest message in the mailbox.
func (o *office) newest() (text, html string) {
	o.t.Helper()
	all, err := o.Mailbox(o.t.Context(), "", 1)
	if err != nil || len(all) != 1 {
		o.t.Fatalf("%+v, %v", all, err)
	}
	if html, err = o.MailHTML(o.t.Context(), all[0].ID); err != nil {
		o.t.Fatal(err)
	}
	return all[0].Text, html
}

var order = mail.Letter{
	To: "ada@example.com", Subject: "Your tickets for Bolt & Sons <Live>", Title: "You are going",
	Parts: []mail.Part{
		mail.Stub("Bolt & Sons <Live>", mail.Fact{Name: "Ticket", Value: "2 × Stands"}),
		mail.Say("Show the code\nat the gate."),
		mail.List(mail.Fact{Name: "Paid", Value: "₦15,000"}),
		mail.Go("Open your tickets", "https://tickets.example/tickets?a=1&b=2"),
	},
}

func TestALetterSaysTheSameAsTextAndAsHTML(t *testing.T) {
	t.Parallel()
	o := openOffice(t, "")
	o.work()
	o.write(order)
	o.next()
	text, html := o.newest()
	const want = "You are going\n\nBolt & Sons <Live>\n    Ticket: 2 × Stands\n\nShow the code\nat the gate.\n\n    Paid: ₦15,000\n\nOpen your tickets:\n\n    https://tickets.example/tickets?a=1&b=2\n"
	if text != want {
		t.Errorf("text:\n%s\nnot:\n%s", text, want)
	}
	for _, want := range []string{
		"<title>Your tickets for Bolt &amp; Sons &lt;Live&gt;</title>", ">You are going</h1>", "Bolt &amp; Sons &lt;Live&gt;</p>",
		">2 × Stands</td>", "Show the code<br>at the gate.", ">₦15,000</td>", `href="https://tickets.example/tickets?a=1&amp;b=2"`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is missing in\n%s", want, html)
		}
	}
	if _, err := o.MailHTML(t.Context(), 1<<40); fault.Code(err) != "mail_not_found" {
		t.Error(err)
	}
}

func TestAMessageOfTextAloneIsShownAsHTMLToo(t *testing.T) {
	t.Parallel()
	o := openOffice(t, "")
	o.work()
	o.post(mail.Message{To: "ada@example.com", Subject: "Your code", Text: "Your code is:\n\n    424242\n\n171717 it was before, and this is a line that a writer wrapped\nhere.\nAnd ended.\n\nOr open:\n\n    https://tickets.example/x\n\nFingerprint:\n\n    abcd <ef>\n", Urgent: true})
	o.next()
	text, html := o.newest()
	if !strings.HasPrefix(text, "Your code is:\n\n    424242\n") {
		t.Errorf("text: %q", text)
	}
	for _, want := range []string{">Your code</h1>", ">424242</p>", ">171717</p>", ">171717 it was before, and this is a line that a writer wrapped here.<br>And ended.</p>", `<a href="https://tickets.example/x"`, ">abcd &lt;ef&gt;</p>"} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is missing in\n%s", want, html)
		}
	}
}

// A mail program may run, load and follow nothing that a letter brings: what is in it was typed by organizers.
func TestALetterLoadsNothingAndRunsNothing(t *testing.T) {
	t.Parallel()
	o := openOffice(t, "")
	o.work()
	evil := `"><script>alert(1)</script><img src=x onerror=y>`
	o.write(mail.Letter{
		To: "ada@example.com", Subject: "s", Title: evil,
		Parts: []mail.Part{mail.Say("%s", evil), mail.Stub(evil, mail.Fact{Name: evil, Value: evil}), mail.List(mail.Fact{Name: evil, Value: evil}), mail.Go(evil, "javascript:alert(1)")},
	})
	o.next()
	_, html := o.newest()
	allowed := map[string]bool{"html": true, "head": true, "meta": true, "title": true, "style": true, "body": true, "span": true, "table": true, "tr": true, "td": true, "th": true, "h1": true, "p": true, "a": true, "br": true}
	d := xml.NewDecoder(strings.NewReader(html))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	seen := 0
	for {
		token, err := d.Token()
		if err == io.EOF { //nolint:errorlint // as the decoder says it
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		seen++
		if !allowed[e.Name.Local] {
			t.Errorf("<%s> is in the letter", e.Name.Local)
		}
		for _, a := range e.Attr {
			if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "src" || strings.Contains(a.Value, "javascript:") {
				t.Errorf("<%s %s=%q>", e.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
	if seen < 20 || regexp.MustCompile(`url\(|@import`).MatchString(html) {
		t.Errorf("%d elements in\n%s", seen, html)
	}
}

func TestALetterGoesOutAsTextAndHTML(t *testing.T) {
	t.Parallel()
	s := listen(t, "")
	o := openOffice(t, s.url())
	o.write(order)
	o.work()
	if job := o.next(); job.State != rivertype.JobStateCompleted {
		t.Fatalf("state %s: %+v", job.State, job.Errors)
	}
	head, body, _ := strings.Cut(s.mails()[0].data, "\r\n\r\n")
	content := regexp.MustCompile(`(?s)Content-Type: (multipart/alternative;\s+boundary=\S+)`).FindStringSubmatch(head)
	if content == nil {
		t.Fatalf("no multipart/alternative in\n%s", head)
	}
	_, params, err := mime.ParseMediaType(regexp.MustCompile(`\s+`).ReplaceAllString(content[1], " "))
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(strings.NewReader(body), params["boundary"])
	for i, want := range []struct{ kind, words string }{{"text/plain", "    Ticket: 2 × Stands"}, {"text/html", ">2 × Stands</td>"}} {
		part, err := r.NextRawPart()
		if err != nil {
			t.Fatal(i, err)
		}
		var text io.Reader = part
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			text = quotedprintable.NewReader(part)
		}
		all, err := io.ReadAll(text)
		if err != nil || !strings.HasPrefix(part.Header.Get("Content-Type"), want.kind) || !strings.Contains(string(all), want.words) {
			t.Errorf("part %d: %v, %v\n%s", i, part.Header, err, all)
		}
	}
}
