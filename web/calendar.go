package web

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// appointment is an event as calendars know it (RFC 5545).
type appointment struct {
	UID           string
	Stamp, Starts time.Time
	Summary       string
	Location      string
	Description   string
	URL           string
	State         appointmentState
}

// appointmentState is whether an appointment takes place for its owner.
type appointmentState string

// The states of an appointment, in the words of RFC 5545.
const (
	appointmentSure      appointmentState = "CONFIRMED"
	appointmentTentative appointmentState = "TENTATIVE"
	appointmentCancelled appointmentState = "CANCELLED"
)

// sequenceFrom is where versions are counted from: a figure that calendars can hold for many years.
var sequenceFrom = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// calendar is a file with one appointment. Times are in UTC, which calendars show in their owner's zone, so that no table
// of time zones has to be in the file. How long an event takes is not known, so it has no end.
func calendar(a appointment) string {
	// A calendar that has the appointment already takes a later one of the same name in its place, if its number is higher.
	// What is sure can become open and sure again, so the number counts seconds and no states.
	sequence := strconv.FormatInt(max(0, int64(a.Stamp.Sub(sequenceFrom)/time.Second)), 10)
	const utc = "20060102T150405Z"
	var b strings.Builder
	for _, line := range []string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//FairQueue//Tickets//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH",
		"BEGIN:VEVENT",
		"UID:" + a.UID,
		"DTSTAMP:" + a.Stamp.UTC().Format(utc),
		"DTSTART:" + a.Starts.UTC().Format(utc),
		"SUMMARY:" + calendarText(a.Summary),
		"LOCATION:" + calendarText(a.Location),
		"DESCRIPTION:" + calendarText(a.Description),
		"URL:" + a.URL,
		"STATUS:" + string(a.State),
		"SEQUENCE:" + sequence,
		"END:VEVENT", "END:VCALENDAR",
	} {
		fold(&b, line)
	}
	return b.String()
}

// calendarEscapes escape what means something in a value.
var calendarEscapes = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`)

func calendarText(s string) string { return calendarEscapes.Replace(strings.ToValidUTF8(s, "")) }

// foldAt is how many bytes a line has at most, without its end.
const foldAt = 75

// fold writes a line in pieces of at most 75 bytes, which end between characters and go on after a space.
func fold(b *strings.Builder, line string) {
	room := foldAt
	for len(line) > room {
		cut := room
		for !utf8.RuneStart(line[cut]) {
			cut--
		}
		b.WriteString(line[:cut] + "\r\n ")
		line, room = line[cut:], foldAt-1
	}
	b.WriteString(line + "\r\n")
}
