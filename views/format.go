package views

import (
	"strconv"
	"strings"
	"time"

	"fairqueue/internal/money"
)

// num writes a count with thousands apart: 12,408.
func num[N int | int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

func itoa(n int) string { return strconv.Itoa(n) }

func itoa64(n int64) string { return strconv.FormatInt(n, 10) }

// count says how many: "1 ticket", "3,104 tickets".
func count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return num(n) + " " + many
}

// numClass sets the great number: a 1 stands in a wide cell, seven characters need a smaller size.
func numClass(n string) string {
	class := "num"
	if strings.HasPrefix(n, "1") {
		class += " num-1"
	}
	if len(n) >= 7 {
		class += " num-7"
	}
	return class
}

func (e EventInfo) zone() *time.Location {
	if e.Zone == nil {
		return time.UTC
	}
	return e.Zone
}

// place names the clock of an event: "Lagos time".
func zoneWords(l *time.Location) string {
	if l == nil || l == time.UTC || l.String() == "UTC" {
		return "UTC"
	}
	name := l.String()
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	return strings.ReplaceAll(name, "_", " ") + " time"
}

func in(t time.Time, l *time.Location) time.Time {
	if l == nil {
		l = time.UTC
	}
	return t.In(l)
}

// clock is a time of day; clockS has seconds, for a deadline within minutes.
func clock(t time.Time, l *time.Location) string  { return in(t, l).Format("15:04") }
func clockS(t time.Time, l *time.Location) string { return in(t, l).Format("15:04:05") }

// day is "Saturday 12 December"; dayYear adds the year; dayShort is "12 Dec".
func day(t time.Time, l *time.Location) string      { return in(t, l).Format("Monday 2 January") }
func dayYear(t time.Time, l *time.Location) string  { return in(t, l).Format("Monday 2 January 2006") }
func dayShort(t time.Time, l *time.Location) string { return in(t, l).Format("2 Jan") }
func weekday(t time.Time, l *time.Location) string  { return in(t, l).Format("Monday") }

func sameDay(a, b time.Time, l *time.Location) bool {
	ay, am, ad := in(a, l).Date()
	by, bm, bd := in(b, l).Date()
	return ay == by && am == bm && ad == bd
}

// when is a moment as short as it stays clear: "today, 12:00", "Mon 23 Nov, 10:00".
func when(t, now time.Time, l *time.Location) string {
	switch {
	case sameDay(t, now, l):
		return "today, " + clock(t, l)
	case sameDay(t, now.AddDate(0, 0, 1), l):
		return "tomorrow, " + clock(t, l)
	default:
		return in(t, l).Format("Mon 2 Jan" + yearOf(t, now) + ", 15:04")
	}
}

// When is a moment as short as it stays clear: "today, 12:00", "Mon 23 Nov, 10:00".
func When(t, now time.Time, l *time.Location) string { return when(t, now, l) }

// yearOf is the layout of the year where a date without one may be taken for the next or the last of its name.
func yearOf(t, now time.Time) string {
	const far = 300 * 24 * time.Hour
	if d := t.Sub(now); d > far || d < -far {
		return " 2006"
	}
	return ""
}

// at is when, for the middle of a sentence about today: "at 12:00", "on Mon 23 Nov, 10:00".
func at(t, now time.Time, l *time.Location) string {
	if sameDay(t, now, l) {
		return "at " + clock(t, l)
	}
	if sameDay(t, now.AddDate(0, 0, 1), l) {
		return "tomorrow at " + clock(t, l)
	}
	return "on " + in(t, l).Format("Mon 2 Jan"+yearOf(t, now)+", 15:04")
}

// rfc is what machines and the countdown script read.
func rfc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// left is a span as a timer shows it: 06:41, or 1:02:03; never negative.
func left(until, now time.Time) string {
	s := max(int(until.Sub(now).Round(time.Second)/time.Second), 0)
	if s >= 3600 {
		return itoa(s/3600) + ":" + two(s/60%60) + ":" + two(s%60)
	}
	return two(s/60) + ":" + two(s%60)
}

func two(n int) string {
	if n < 10 {
		return "0" + itoa(n)
	}
	return itoa(n)
}

// seconds left, for a meter; never negative.
func secondsLeft(until, now time.Time) int {
	return max(int(until.Sub(now)/time.Second), 0)
}

// span says how long something lasts: "2 minutes", "90 seconds".
func span(d time.Duration) string {
	s := int(d / time.Second)
	switch {
	case s >= 7200 && s%3600 == 0:
		return itoa(s/3600) + " hours"
	case s >= 120 && s%60 == 0, s >= 600:
		return itoa((s+30)/60) + " minutes"
	case s == 60:
		return "1 minute"
	default:
		return count(s, "second", "seconds")
	}
}

// countPart is one figure of the great countdown.
type countPart struct{ Unit, Value, Word string }

// countParts are days, hours and minutes, or within a day hours, minutes and seconds.
func countParts(until, now time.Time) []countPart {
	s := secondsLeft(until, now)
	word := func(n int, one string) string {
		if n == 1 {
			return one
		}
		return one + "s"
	}
	d, h, m := s/86400, s/3600%24, s/60%60
	if d > 0 {
		return []countPart{{"d", itoa(d), word(d, "day")}, {"h", itoa(h), word(h, "hour")}, {"m", itoa(m), word(m, "minute")}}
	}
	parts := []countPart{{"m", itoa(m), word(m, "minute")}, {"s", two(s % 60), word(s%60, "second")}}
	if h > 0 {
		parts = append([]countPart{{"h", itoa(h), word(h, "hour")}}, parts...)
	}
	return parts
}

// etaMinutes is the estimate as a range of minutes from now.
func etaMinutes(lo, hi time.Duration) string {
	a, b := int(lo.Minutes()), int((hi + time.Minute - 1).Minutes())
	switch {
	case b <= 1:
		return "in about a minute"
	case a < 1:
		return "within " + itoa(b) + " minutes"
	case a >= 120:
		return itoa(a/60) + " to " + itoa((b+59)/60) + " hours from now"
	default:
		return itoa(a) + " to " + itoa(max(b, a+1)) + " minutes from now"
	}
}

// etaClock is the estimate as clock times, which stay true on a stale page.
func etaClock(lo, hi time.Duration, now time.Time, l *time.Location) string {
	a, b := clock(now.Add(lo), l), clock(now.Add(hi), l)
	if a == b {
		return a
	}
	return a + "–" + b
}

func eventURL(e EventInfo, more string) string { return "/events/" + e.Slug + more }

// prices is the range of an event: "₦12,500 to ₦120,000", "Free".
func prices(tiers []TierInfo) string {
	if len(tiers) == 0 {
		return ""
	}
	lo, hi := tiers[0].Price, tiers[0].Price
	for _, t := range tiers {
		lo, hi = min(lo, t.Price), max(hi, t.Price)
	}
	if lo == hi {
		return price(lo)
	}
	return price(lo) + " to " + price(hi)
}

// fromPrice is the lowest price: "From ₦8,000".
func fromPrice(tiers []TierInfo) string {
	if len(tiers) == 0 {
		return ""
	}
	lo, same := tiers[0].Price, true
	for _, t := range tiers {
		same = same && t.Price == tiers[0].Price
		lo = min(lo, t.Price)
	}
	if same {
		return price(lo)
	}
	return "From " + price(lo)
}

func price(k money.Kobo) string {
	if k == 0 {
		return "Free"
	}
	return k.String()
}

// paid says that a price was paid: "Paid ₦12,500", "Free".
func paid(k money.Kobo) string {
	if k == 0 {
		return price(k)
	}
	return "Paid " + price(k)
}

// capacity and available are the sums over all tiers.
func capacity(tiers []TierInfo) (n int) {
	for _, t := range tiers {
		n += t.Capacity
	}
	return n
}

func available(tiers []TierInfo) (n int) {
	for _, t := range tiers {
		n += t.Available
	}
	return n
}

// few is when what is left of a tier deserves a warning: a twentieth, and never more than 200.
func few(t TierInfo) bool { return t.Available > 0 && t.Available <= max(min(t.Capacity/20, 200), 3) }

// title ends every page's title with the product's name.
func title(s string) string { return s + " – FairQueue" }

// hall is a venue without its town, where there is little room.
func hall(venue string) string {
	name, _, _ := strings.Cut(venue, ",")
	return name
}
