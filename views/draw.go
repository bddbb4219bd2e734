package views

import (
	"fmt"
	"regexp"
	"time"

	"fairqueue/views/ui"
)

// DrawView is the public side of a draw: what is promised, published and
// revealed so far. Digests are hex; what is empty or zero has not happened yet.
type DrawView struct {
	Commitment   string
	CommittedAt  time.Time
	FrozenAt     time.Time
	Size         int64 // people in the lobby, once it is closed
	Root         string
	RootedAt     time.Time
	Beacon       *BeaconView // nil: none was named
	Secret, Seed string
	DrawnAt      time.Time
}

// BeaconView is the public source of chance that an organizer named.
type BeaconView struct {
	Name, URL string
	Round     int64
	Value     string    // as it was given; empty: not yet
	Due       time.Time // when the round comes; zero: not known
	WaivedAt  time.Time // when the organizer went on without it; zero: not
}

// OwnPlace is the place of the fan who looks.
type OwnPlace struct {
	Spot            string
	Arrival, Number int64 // Number 0: not known yet
}

// drandValue is how drand gives the randomness of a round.
var drandValue = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// hollow says in one sentence why the value that was given cannot be the beacon's; empty: it can be, or there is none.
// It can be known only where it is known when the beacon's rounds come.
func (d DrawView) hollow(now time.Time, zone *time.Location) string {
	b := d.Beacon
	switch {
	case b == nil || b.Value == "" || b.Due.IsZero() || !b.WaivedAt.IsZero():
		return ""
	case !d.DrawnAt.IsZero() && d.DrawnAt.Before(b.Due):
		return "This value came before the round, which was due " + at(b.Due, now, zone) + ". So it cannot be the value of the beacon."
	case !drandValue.MatchString(b.Value):
		return "This is not a value of " + b.Name + ": those are 64 characters, 0 to 9 and a to f."
	}
	return ""
}

func (b BeaconView) round() string { return "round " + num(b.Round) + " of " + b.Name }

// drawStep is one step of a draw as the page lists it.
type drawStep struct {
	Title, Mark, Text string
	State             ui.State
	At                time.Time
	Figures           []drawFigure
}

type drawFigure struct{ Name, Value string }

// steps are what happened, in order, and what is still to come.
func (v FairnessView) steps(now time.Time) []drawStep {
	d := v.Draw
	closed, listed := v.closedStep(), v.listedStep()
	steps := []drawStep{{
		Title: "A secret was sealed", Mark: "Sealed", State: ui.Open, At: d.CommittedAt,
		Text:    "Before anybody could join, a secret was made and this seal of it published. Another secret would not fit the seal.",
		Figures: []drawFigure{{"Seal (SHA-256 of the secret)", d.Commitment}},
	}, closed, listed}
	if d.Beacon != nil {
		steps = append(steps, v.beaconStep(now))
	}
	return append(steps, v.drawnStep())
}

// neverDrawn is whether the sale ended before its draw.
func (v FairnessView) neverDrawn() bool { return v.Draw.Seed == "" && v.Draw.Secret != "" }

func (v FairnessView) closedStep() drawStep {
	d := v.Draw
	if d.FrozenAt.IsZero() && v.neverDrawn() {
		return drawStep{Title: "The lobby was not closed for a draw", Mark: "Ended before", State: ui.Out, Text: "The sale ended first."}
	}
	if d.FrozenAt.IsZero() {
		return drawStep{Title: "The lobby closes", Mark: "Not yet", State: ui.Soon, Text: "When the sale opens, the list of everybody in the lobby is closed. Whoever joins later stands behind it."}
	}
	return drawStep{Title: "The lobby was closed", Mark: "Closed", State: ui.Open, At: d.FrozenAt,
		Text: count(d.Size, "person was", "people were") + " in the lobby. Whoever joined later stands behind them, in the order of joining."}
}

func (v FairnessView) listedStep() drawStep {
	d := v.Draw
	if d.Root == "" && v.neverDrawn() {
		return drawStep{Title: "No list was published", Mark: "Ended before", State: ui.Out, Text: "Without a draw there is no list of those who take part in it."}
	}
	if d.Root == "" {
		return drawStep{Title: "The list is published", Mark: "Not yet", State: ui.Soon, Text: "A fingerprint of the whole list comes here before the draw, so that nobody can be added, taken out or moved afterwards."}
	}
	return drawStep{Title: "The list was published", Mark: "Published", State: ui.Open, At: d.RootedAt,
		Text:    "This is the fingerprint of the whole list. With one place more, less or moved it would be another.",
		Figures: []drawFigure{{"Root of the list", d.Root}}}
}

func (v FairnessView) beaconStep(now time.Time) drawStep {
	b := v.Draw.Beacon
	due := "."
	if !b.Due.IsZero() {
		due = ", which comes " + at(b.Due, now, v.Event.zone()) + "."
		if !b.Due.After(now) {
			due = ", which came " + at(b.Due, now, v.Event.zone()) + "."
		}
	}
	s := drawStep{Title: "A public beacon", State: ui.Soon, Mark: "Named"}
	switch {
	case !b.WaivedAt.IsZero():
		s.Title, s.State, s.Mark, s.At = "The beacon was left out", ui.Low, "Left out", b.WaivedAt
		s.Text = "The organizer had named " + b.round() + " and went on without it. What that means stands below."
	case b.Value != "":
		s.State, s.Mark = ui.Open, "Given"
		s.Text = "The value of " + b.round() + due
		if why := v.Draw.hollow(now, v.Event.zone()); why != "" {
			s.State, s.Mark = ui.Out, "Does not count"
			s.Text = "Given for " + b.round() + ". " + why + " This draw proves only what a draw without a beacon proves."
		}
		s.Figures = []drawFigure{{"Value of the beacon", b.Value}}
	case v.Draw.Seed == "" && v.Event.State == SaleEnded:
		s.State, s.Mark, s.Text = ui.Out, "Not used", "The sale ended before "+b.round()+" was used."
	case v.Draw.Root != "":
		s.Mark, s.Text = "Awaited", "The draw waits for "+b.round()+due+" The organizer gives its value here. Nobody is called before, and nobody loses a place."
	default:
		s.Text = "The draw takes in " + b.round() + due + " Nobody can know its value before it comes."
	}
	return s
}

func (v FairnessView) drawnStep() drawStep {
	d := v.Draw
	secret := drawFigure{"Secret", d.Secret}
	switch {
	case d.Seed != "":
		with := "Secret, root and number of people"
		if d.Beacon != nil && d.Beacon.Value != "" {
			with = "Secret, root, number of people and the value of the beacon"
		}
		return drawStep{Title: "The numbers were drawn", Mark: "Drawn", State: ui.Open, At: d.DrawnAt,
			Text: "The secret was revealed. " + with + " make the seed, and the seed makes every number.", Figures: []drawFigure{secret, {"Seed", d.Seed}}}
	case d.Secret != "":
		return drawStep{Title: "There was no draw", Mark: "Ended before", State: ui.Out,
			Text: "The sale ended before the draw. The secret is shown all the same, so that the seal can be checked.", Figures: []drawFigure{secret}}
	}
	return drawStep{Title: "The numbers are drawn", Mark: "Not yet", State: ui.Soon, Text: "Then the secret is revealed, and everybody can compute every number."}
}

// trust says in plain words what a sale's data prove and what they do not.
type trust struct{ Proves, Not []string }

func (v FairnessView) trust(now time.Time) trust {
	const people = "That behind each place stands another person. Every place has the same chance; who takes many places is a matter of other rules."
	const own = "Whose place is whose. Names are never published, so only you can check that a place is yours, with your receipt."
	if v.Draw == nil {
		return trust{
			Proves: []string{"There is no draw in this sale: numbers follow the order of joining.", "Numbers were called in order, and nobody was left out or called twice. Whoever came back by a rule is listed."},
			Not:    []string{"In which order two people pressed the button in the same moment. The order is the one in which we wrote them down.", "That everybody had the same chance. Being early counts, and a fast program is earlier than a person.", own},
		}
	}
	t := trust{Not: []string{people, own}}
	b := v.Draw.Beacon
	const fixed = "The order could not be changed after the sale had opened: every number follows from what stands on this page."
	hollow := v.Draw.hollow(now, v.Event.zone())
	switch {
	case b != nil && b.WaivedAt.IsZero() && hollow == "":
		t.Proves = []string{
			"Nobody could choose the order: not a fan, not the organizer, and not we. The secret was sealed before anybody joined, the list is published before the beacon speaks, and only both together make the order.",
			fixed,
		}
		t.Not = append([]string{"That the value is the one that " + b.Name + " published, and that its round came after the list did. We load nothing from other sites: compare it with theirs."}, t.Not...)
	default:
		t.Proves = []string{fixed, "No organizer, and nobody else at a dashboard, could choose it: they do not know the secret."}
		without := "That whoever runs this server did not choose the order. They could know the secret before the lobby closed, and add or hold back places until the order suited them. A public beacon rules that out; this sale has none."
		switch {
		case hollow != "":
			without = "That whoever runs this server did not choose the order. " + hollow + " So this draw proves only what a draw without a beacon proves."
		case b != nil:
			without = "That whoever runs this server did not choose the order. They could work out the order with the beacon and without it, and have the one that suited them better."
		}
		t.Not = append([]string{without}, t.Not...)
	}
	return t
}

// size is the length of the lobby as the check needs it: empty before it is closed.
func (d DrawView) size() string {
	if d.FrozenAt.IsZero() {
		return ""
	}
	return itoa64(d.Size)
}

func (d DrawView) beaconValue() string {
	if d.Beacon == nil {
		return ""
	}
	return d.Beacon.Value
}

const (
	leafBytes = 67 // a digest in hex with its quotes and comma
	stepBytes = 95 // a step of the line as JSON
	factBytes = 20_000
)

// data is how much a check loads at most, in words: data costs money.
func (v FairnessView) data(everything bool) string {
	n := int64(factBytes)
	if everything {
		n += v.StepsMost * stepBytes
		if v.Draw != nil && v.Draw.Root != "" {
			n += v.Draw.Size * leafBytes
		}
	}
	if n < 1_000_000 {
		return itoa64((n+999)/1000) + " kB"
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// command checks the same without a browser.
func (v FairnessView) command() string {
	return "fairqueue verify --event " + v.Event.Slug + " --url " + v.BaseURL
}

func (v FairnessView) ownArrival() string {
	if v.Own == nil {
		return ""
	}
	return itoa64(v.Own.Arrival)
}

// joined is the highest arrival there is; the figure of the sale may be a second older than one's own place.
func (v FairnessView) joined() string {
	if v.Own == nil {
		return itoa64(v.Joined)
	}
	return itoa64(max(v.Joined, v.Own.Arrival))
}

func (v FairnessView) ownNumber() string {
	if v.Own == nil || v.Own.Number == 0 {
		return ""
	}
	return itoa64(v.Own.Number)
}

func (v FairnessView) ownWords() string {
	if v.Own.Number == 0 {
		return "You joined as arrival " + num(v.Own.Arrival) + "."
	}
	return "You joined as arrival " + num(v.Own.Arrival) + " and have the number " + num(v.Own.Number) + "."
}

// ReceiptView is the fan's own receipt.
type ReceiptView struct {
	Event    EventInfo
	Receipt  string // a compact JWS
	Arrival  int64
	JoinedAt time.Time
}

func (v ReceiptView) worth() string {
	if v.Event.Draw {
		return "Keep it. With it you can show that your place and the seal of the draw were not exchanged, even if we said otherwise."
	}
	return "Keep it. With it you can show which place you had, even if we said otherwise."
}

// check leads to the check with the receipt behind #, where no server sees it.
func (v ReceiptView) check() string {
	return eventURL(v.Event, "/fairness") + "#receipt=" + v.Receipt
}
