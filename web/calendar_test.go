package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fairqueue/internal/fault"
	"fairqueue/internal/ticket/pdf"
)

func TestAnEventInACalendar(t *testing.T) {
	t.Parallel()
	a := appointment{
		UID: "1@tickets.example", Stamp: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
		Starts:  time.Date(2026, 12, 12, 20, 0, 0, 0, time.FixedZone("", 3600)),
		Summary: "Ọjọ́ Night; the long one, " + strings.Repeat("ẹ̀rín ", 30), Location: `Hall \ Lagos`,
		Description: "One\nTwo", URL: "https://tickets.example/tickets/1", State: appointmentSure,
	}
	file := calendar(a)
	lines := strings.Split(file, "\r\n")
	if lines[len(lines)-1] != "" || strings.Count(file, "\n") != len(lines)-1 {
		t.Fatalf("lines do not end as RFC 5545 has it:\n%q", file)
	}
	folded := 0
	for _, l := range lines {
		if len(l) > 75 || !utf8.ValidString(l) {
			t.Errorf("%d bytes: %q", len(l), l)
		}
		if strings.HasPrefix(l, " ") {
			folded++
		}
	}
	if folded < 3 {
		t.Errorf("%d lines go on", folded)
	}
	whole := strings.ReplaceAll(file, "\r\n ", "")
	for _, want := range []string{
		"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "UID:1@tickets.example\r\n", "DTSTAMP:20260501T120000Z\r\n", "DTSTART:20261212T190000Z\r\n",
		"SUMMARY:" + `Ọjọ́ Night\; the long one\, ` + strings.Repeat("ẹ̀rín ", 30) + "\r\n", `LOCATION:Hall \\ Lagos` + "\r\n", `DESCRIPTION:One\nTwo` + "\r\n",
		"STATUS:CONFIRMED\r\n", "END:VEVENT\r\nEND:VCALENDAR\r\n",
	} {
		if !strings.Contains(whole, want) {
			t.Errorf("%q is missing in\n%s", want, whole)
		}
	}
	later := a
	later.Stamp, later.State = a.Stamp.Add(time.Second), appointmentTentative
	for _, c := range []struct {
		a    appointment
		want string
	}{{a, "STATUS:CONFIRMED\r\nSEQUENCE:199800000\r\n"}, {later, "STATUS:TENTATIVE\r\nSEQUENCE:199800001\r\n"}} {
		if file := calendar(c.a); !strings.Contains(file, c.want) {
			t.Errorf("%q is missing in\n%s", c.want, file)
		}
	}
	// Nothing that somebody typed becomes a line of its own.
	a.Summary, a.State = "a\r\nATTACH:http://x\nb\rc", appointmentCancelled
	if file := calendar(a); strings.Contains(file, "\nATTACH") || strings.Contains(strings.ReplaceAll(file, "\r\n", ""), "\r") || !strings.Contains(file, "STATUS:CANCELLED") {
		t.Errorf("%q", file)
	}
}

// Who asks for a file while all presses are taken waits, and is told to come again when that takes too long.
func TestFilesAreDrawnAFewAtATime(t *testing.T) {
	t.Parallel()
	p := make(presses, 1)
	p <- struct{}{}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.draw(gone, "x", []pdf.Page{{}}); fault.Status(err) != http.StatusServiceUnavailable || fault.From(err).RetryAfter == 0 {
		t.Errorf("%v", err)
	}
	<-p
	for range 2 { // what was drawn makes room for the next
		if file, err := p.draw(t.Context(), "x", []pdf.Page{{}}); err != nil || !strings.HasPrefix(string(file), "%PDF-") {
			t.Errorf("%.10q %v", file, err)
		}
	}
}
