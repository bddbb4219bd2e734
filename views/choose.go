package views

import (
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"fairqueue/internal/money"
	"fairqueue/views/ui"
)

// ChooseView is the choice of tickets, inside: of a tier and a number, and where the event has seats, of sections.
type ChooseView struct {
	Event    EventInfo
	Tiers    []TierInfo
	Until    time.Time     // the visit ends, or the hold that is changed
	Visit    time.Duration // how long it is in all
	Hold     time.Duration
	CanTake  int         // how many this fan may take
	TierID   string      // chosen before
	Quantity int         // chosen before
	Checkout string      // /checkout/{claim} while one is open: no second one
	Channels []string    // ways to pay that are offered to who holds tickets now
	UsedUp   *UsedUpInfo // no payment is left in this visit; nil: one is
	Bank     *BankInfo   // the payment for it, where one is under way
	ClaimID  string      // choosing again inside this hold
	Held     int         // choosing again: how many tickets are held until then
	Map      *MapView
	Apart    *ApartOffer
	Presale  PresaleInfo
	Problem  *Problem
}

// PresaleInfo is what codes open.
type PresaleInfo struct {
	Runs   bool     // some tickets take a code
	Opened []string // the presales that this fan opened
	Code   string   // as typed before
	Wrong  string   // what is wrong with it
	Done   string   // what it opened just now
}

// ApartOffer is what a party can do that fits nowhere together.
type ApartOffer struct {
	TierID, Tier string
	Quantity     int
	Most         int        // so many do sit together; 0: not known
	Others       []TierInfo // kinds in which all of them would
}

// MapView is the venue as a picture and as a list.
type MapView struct {
	Width, Height int // of the drawing
	Zoom          int // 1, or 2: twice as large
	Stage         string
	StageX        int
	StageY        int
	StageSize     int
	Pitch         bool // seats lie on all sides
	Sections      []MapSection
}

// MapSection is a part of the venue.
type MapSection struct {
	ID, Name, Short string
	Path            string
	X, Y, Size      int // the name; Size 0: there is no room for it
	SizeLeft        int // what is left below it; 0: no room
	Standing        bool
	TierID          string // of a standing section
	From            money.Kobo
	OnePrice        bool
	Left, Held      int
	Capacity        int
	Wheelchair      int    // accessible places that are left
	Wait            string // why nothing can be had: "On sale from today, 14:00"
}

// picked is whether row i is the chosen one: what was chosen before, if it can
// still be had, else the first that can.
func (v ChooseView) picked(i int) bool {
	first := -1
	for j, t := range v.Tiers {
		if t.Available == 0 {
			continue
		}
		if t.ID == v.TierID {
			return i == j
		}
		if first < 0 {
			first = j
		}
	}
	return i == first
}

func (v ChooseView) quantity() int {
	if v.Quantity < 1 && v.Map != nil {
		return min(2, v.CanTake) // most people do not go alone to a seat
	}
	return min(max(v.Quantity, 1), v.CanTake)
}

// columns of the choice of a number: one row up to six, else rows of five.
func columns(n int) int {
	if n <= 6 {
		return n
	}
	return 5
}

func (v ChooseView) takeLine() string {
	if v.CanTake < v.Event.Limit {
		return alreadyLine(v.Event.Limit-v.CanTake, v.Event.Limit) + " Each fan can have up to " + itoa(v.Event.Limit) + "."
	}
	return "Each fan can take up to " + itoa(v.Event.Limit) + "."
}

// heading of the page.
func (v ChooseView) heading() string {
	switch {
	case v.Bank != nil:
		return "Your payment is under way"
	case v.UsedUp != nil:
		return "You need another turn"
	case v.ClaimID != "" && v.Map != nil:
		return "Change your places"
	case v.ClaimID != "":
		return "Change your tickets"
	case v.Map != nil:
		return "Choose your place"
	}
	return "Choose your tickets"
}

func claimsURL(e EventInfo, claim string) templ.SafeURL {
	if claim != "" {
		return templ.SafeURL("/checkout/" + claim + "/change")
	}
	return templ.SafeURL(eventURL(e, "/claims"))
}

// ticketsURL is the address of a choosing page; pairs are name and value.
func ticketsURL(e EventInfo, claim string, pairs ...string) string {
	q := url.Values{}
	if claim != "" {
		q.Set("claim", claim)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Add(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return eventURL(e, "/tickets")
	}
	return eventURL(e, "/tickets?") + q.Encode()
}

// TicketsURL is the address of the choice of tickets of an event, in the place of those of a claim, of a section's seats.
func TicketsURL(slug, claim, section string) string {
	return ticketsURL(EventInfo{Slug: slug}, claim, "section", section)
}

// CodeWords says what is wrong with a presale code.
func CodeWords(code string) string {
	if code == "code_used" {
		return "This code has been used up. Each works for so many people, and others gave it first. Ask whoever sent it for another one."
	}
	return "This code opens nothing here. Check it letter by letter. It is for this event only."
}

// chooseTimer is the fan's time: of the visit, or of the tickets they hold.
func chooseTimer(e EventInfo, until time.Time, of time.Duration, held int) timerView {
	if held > 0 {
		return timerView{
			Until: until, Of: of, Zone: e.Zone, Label: "Time left to pay", Warn: "They go back soon.",
			Before: "Your " + count(held, "ticket is", "tickets are") + " kept while you look. Pay before",
		}
	}
	return timerView{Until: until, Of: of, Zone: e.Zone, Before: "left to choose. You are inside until", Warn: "Your visit ends soon. Once you hold tickets, their own clock counts.", Label: "Time left inside"}
}

func (v ChooseView) timer() timerView {
	if v.Bank != nil || v.UsedUp != nil {
		return timerView{} // nothing is to be chosen in time
	}
	of := v.Visit
	if v.ClaimID != "" {
		of = v.Hold
	}
	return chooseTimer(v.Event, v.Until, of, v.Held)
}

// scripts of the page: live changes where there is a map.
func (v ChooseView) scripts() []string {
	if v.Map == nil {
		return nil
	}
	return []string{"seats.js"}
}

// some is whether anything can be had of these.
func some(tiers []TierInfo) bool { return available(tiers) > 0 }

// emptyWords says why nothing can be had: what is in the baskets of others may come back, what is sold does not.
func emptyWords(tiers []TierInfo) (title, text string) {
	waits, held := waitLine(waitingTiers(tiers)), 0
	for _, t := range tiers {
		if !t.SoldOut && t.Wait == "" {
			held++
		}
	}
	switch {
	case held > 0 && waits != "":
		return "Nothing is free at this moment", "Other people have tickets in their baskets, of which some usually come back. " + waits + " Your time inside runs on."
	case held > 0:
		return "All tickets are in other people’s baskets", "Some usually come back: tickets that are not paid in time can be taken again at once. This page is worth loading again in a minute. Your time inside runs on."
	case waits != "":
		return "Nothing can be bought at this moment", waits + " Your time inside runs on."
	}
	return "All tickets are sold", "Nothing is in anybody’s basket, so nothing comes back by itself. If the organizer adds tickets, the event page says so."
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	first := []rune(s)[0]
	return strings.ToLower(string(first)) + s[len(string(first)):]
}

// bestLabel of the one click.
func (v ChooseView) bestLabel() string {
	seated := true
	for _, t := range v.Tiers {
		seated = seated && t.Seated
	}
	switch {
	case v.ClaimID != "":
		return "Take the best instead"
	case seated:
		return "Hold the best seats together"
	}
	return "Hold the best places together"
}

func (v ChooseView) keepLine() string {
	if v.ClaimID != "" {
		return "What you hold now is given back only when you get the new ones. The clock stays as it is."
	}
	return "We keep them for you for " + span(v.Hold) + ". You pay nothing yet."
}

// left says what is left of a tier, with what it is a place of.
func (t TierInfo) left() string {
	if t.Seated {
		return count(t.Available, "seat left", "seats left")
	}
	return num(t.Available) + " left, standing"
}

func (a ApartOffer) title() string {
	return "There are not " + itoa(a.Quantity) + " seats side by side in " + a.Tier
}

func (a ApartOffer) text() string {
	if a.Most > 1 {
		return "The most that are free next to each other is " + itoa(a.Most) + ". Nothing is held for you yet. You can:"
	}
	return "Nothing is held for you yet. You can:"
}

// few is when what is left of a section deserves a warning.
func (s MapSection) few() bool {
	return few(TierInfo{Available: s.Left, Capacity: s.Capacity})
}

// open is whether going there makes sense: something is left, or may come back.
func (s MapSection) open() bool { return s.Left > 0 || s.Held > 0 && s.Wait == "" }

func (s MapSection) class() string {
	switch {
	case s.Left == 0:
		return "b-out"
	case s.few():
		return "b-low"
	}
	return "b-free"
}

// leftWords is what is left, in words that a live change may replace.
func (s MapSection) leftWords() string {
	switch {
	case s.Left > 0:
		return num(s.Left) + " left"
	case s.Wait != "":
		return "None now"
	case s.Held > 0:
		return "All held"
	}
	return "Sold out"
}

// mark is the shape beside leftWords; sold alone is over.
func (s MapSection) mark() ui.State {
	switch {
	case s.Left > 0:
		return ui.Low
	case s.Wait != "" || s.Held > 0:
		return ui.Soon
	}
	return ui.Out
}

// leftShort is leftWords where there is little room.
func (s MapSection) leftShort() string {
	switch {
	case s.Left > 0:
		return num(s.Left)
	case s.Wait != "":
		return "Later"
	case s.Held > 0:
		return "Held"
	}
	return "Sold"
}

func (s MapSection) priceWords() string {
	if s.OnePrice {
		return price(s.From)
	}
	return "from " + price(s.From)
}

// label is the name of the link. What stands on the map is part of it, in the same order, for people who speak to their phone.
func (s MapSection) label() string {
	words := s.Name
	if !strings.HasSuffix(s.Name, s.Short) {
		words += ", " + s.Short
	}
	switch {
	case s.Left > 0:
		words += ", " + s.leftWords()
	case s.Wait != "":
		words += ", later: " + lowerFirst(s.Wait)
	case s.Held > 0:
		words += ", held, some usually come back"
	default:
		words += ", sold out"
	}
	if s.Standing {
		words += ", standing"
	}
	return words + ", " + s.priceWords()
}

// more is the second line in the list.
func (s MapSection) more() string {
	words := upperFirst(s.priceWords())
	if s.Standing {
		words += ". Standing, chosen by number"
	}
	if s.Wheelchair > 0 {
		words += ". " + count(s.Wheelchair, "wheelchair place left", "wheelchair places left")
	}
	if s.Left == 0 && s.Wait != "" {
		words += ". " + s.Wait
	}
	if s.Left == 0 && s.Held > 0 && s.Wait == "" {
		words += ". In other people’s baskets, some usually come back"
	}
	return words
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	first := []rune(s)[0]
	return strings.ToUpper(string(first)) + s[len(string(first)):]
}

func (v ChooseView) sectionURL(s MapSection) templ.SafeURL {
	if s.Standing {
		return templ.SafeURL(ticketsURL(v.Event, v.ClaimID, "tier", s.TierID) + "#best")
	}
	return templ.SafeURL(ticketsURL(v.Event, v.ClaimID, "section", s.ID))
}

// payStep is the second of the steps after a choice.
func (v ChooseView) payStep() string {
	if free(v.Tiers) {
		return "You confirm. There is nothing to pay."
	}
	return "You pay at Paystack, by " + ways(v.Channels) + "."
}
