package views

import (
	"strconv"
	"strings"
	"time"

	"fairqueue/views/ui"
)

func (v WaitingView) turn() bool { return v.Status == SpotCalled && !v.Event.Cancelled }

// streams is whether the page listens to the line: not when nothing more will come.
func (v WaitingView) streams() bool {
	switch v.Status {
	case SpotLeft, SpotDone:
		return false
	}
	return v.Event.State != SaleEnded && v.Event.State != SaleDraft
}

// refresh is how soon a browser without JavaScript asks again, in seconds. When
// it is your turn the page stands still, so that it cannot be lost under a thumb.
func (v WaitingView) refresh() int {
	switch {
	case v.turn():
		return 30
	case !v.streams():
		return 0
	case v.money():
		return 15
	case v.Status == SpotInside:
		return 60
	}
	return min(max(int(v.PollAfter/time.Second), 5), 60)
}

// money is whether something may be decided that no stream tells of: a payment of somebody inside is under way, may still
// arrive, or can be begun in another tab for tickets that are held.
func (v WaitingView) money() bool {
	return v.Status == SpotInside && !v.Event.Cancelled && (v.Bank != nil || v.Checkout != "" || v.UsedUp != nil && v.UsedUp.Late)
}

// behind is what the page subtracts itself from: ahead = behind - serving. Zero
// when it cannot know (another turn is counted from the end of the line).
func (v WaitingView) behind() int64 {
	if v.Status != SpotWaiting && v.Status != SpotLobby || v.Number == 0 || v.Number-v.Serving-1 != v.Ahead {
		return 0
	}
	return v.Number - 1
}

// The line as a bar: it comes to you. Another turn counts from its own end.
func (v WaitingView) lineMax() int64   { return max(v.lineValue()+v.Ahead+1, 1) }
func (v WaitingView) lineValue() int64 { return max(v.Serving, 0) }

func (v WaitingView) title() string {
	name := v.Event.Name
	switch {
	case v.Event.Cancelled:
		return "Cancelled – " + name
	case v.Status == SpotCalled:
		return "Your turn – " + name
	case v.Status == SpotInside:
		return "You are inside – " + name
	case v.Status == SpotMissed:
		return "You can still come in – " + name
	case v.Status == SpotLobby && v.Event.Held:
		return "The draw is being held – " + name
	case v.Status == SpotLobby:
		return "In the lobby – " + name
	case v.Status == SpotWaiting && v.Event.State == SaleSoldOut:
		return "Sold out – " + name
	case v.Status == SpotWaiting && v.Event.State == SalePaused:
		return "Paused – " + name
	case v.Status == SpotWaiting && v.Next:
		return "You are next – " + name
	case v.Status == SpotWaiting && v.Event.State == SaleEnded:
		return "The line is closed – " + name
	case v.Status == SpotWaiting:
		return num(v.Ahead) + " ahead – " + name
	}
	return "The line for " + name
}

func (v WaitingView) motion() string {
	switch {
	case v.Serving == 0:
		return "You have a place in the line"
	case v.allHeld() && len(waitingTiers(v.Tiers)) > 0:
		return nothingNow(v.Tiers) + " at the moment. " + strings.TrimSuffix(waitLine(waitingTiers(v.Tiers)[:1]), ".")
	case v.allHeld():
		return "All tickets are sold or held at the moment"
	case v.Still:
		return "Everybody inside is still choosing. The line goes on when they are done"
	case v.Rate > 0:
		return "The line is moving, " + num(v.Rate) + " a minute"
	}
	return "The line is moving"
}

func (v WaitingView) motionKind() ui.State {
	if v.Still || v.allHeld() {
		return ui.Soon
	}
	return ui.Open
}

// allHeld is whether nothing can be called for until something comes back.
func (v WaitingView) allHeld() bool { return len(v.Tiers) > 0 && available(v.Tiers) == 0 }

func (v WaitingView) servingWord() string {
	switch {
	case v.Event.State == SalePaused, v.Event.State == SaleSoldOut, v.OnHold:
		return "Stopped at"
	}
	return "Calling now"
}

func (v WaitingView) pausedTitle() string {
	if v.Event.Since.IsZero() {
		return "The line is paused"
	}
	return "Paused at " + clock(v.Event.Since, v.Event.Zone)
}

func (v WaitingView) soldOutLine() string {
	switch n := capacity(v.Tiers); n {
	case 0:
		return "All tickets are sold"
	case 1:
		return "The one ticket is sold"
	default:
		return "All " + num(n) + " tickets are sold"
	}
}

// firstLine is for a fan whose turn met an empty stock: the turn is kept, among others like it.
func (v WaitingView) firstLine() string {
	if v.Ahead > 0 {
		return "You are among the first if tickets come back."
	}
	return "You are first if tickets come back."
}

func (v WaitingView) graceLine() string {
	if v.Grace <= 0 {
		return "If you miss that, your place is given up."
	}
	return "If you miss that, you can still ask for your turn for " + span(v.Grace) + " more."
}

func (v WaitingView) thenLine() string {
	s := "Then you have " + span(v.Visit) + " to choose and pay."
	if v.Owned > 0 && v.Event.Limit > 0 {
		return s + " " + alreadyLine(v.Owned, v.Event.Limit)
	}
	if v.Event.Limit > 0 {
		s += " You can take up to " + count(v.Event.Limit, "ticket", "tickets") + "."
	}
	return s
}

// leftLine is what is left of each tier, in one sentence.
func (v WaitingView) leftLine() string {
	var have, gone []string
	for _, t := range v.Tiers {
		if t.Available > 0 && v.wants(t) {
			have = append(have, t.Name+" "+num(t.Available))
		} else if v.wants(t) && t.Wait == "" {
			gone = append(gone, t.Name)
		}
	}
	s := strings.Join(have, ", ")
	if s != "" {
		s += "."
	}
	if len(gone) > 0 {
		s += " None left now: " + strings.Join(gone, ", ") + "."
	}
	s += " " + waitLine(waitingTiers(v.wanted()))
	return strings.TrimSpace(s)
}

func (v WaitingView) lobbyTitle(now time.Time) string {
	if v.Event.Held {
		return "The draw is being held"
	}
	if v.Event.drawn() {
		return "The draw is " + at(v.Event.OpensAt, now, v.Event.zone())
	}
	return "The sale opens " + at(v.Event.OpensAt, now, v.Event.zone())
}

func (v WaitingView) lobbyWhat() string {
	if v.Event.drawn() {
		return "Time to the draw"
	}
	return "Time to the sale"
}

func (v WaitingView) lobbyLine() string {
	s := "fans are in the lobby."
	if n := capacity(v.Tiers); n > 0 {
		s = "fans are in the lobby for " + count(n, "ticket", "tickets") + "."
	}
	if v.Late {
		return strings.TrimSuffix(s, ".") + ", all ahead of you."
	}
	return s
}

func (v WaitingView) joinLabel() string {
	switch v.Event.State {
	case SaleLobby:
		if v.Event.Held {
			return "Join the line"
		}
		return "Come into the lobby"
	case SaleSoldOut:
		return "Join the waiting list"
	}
	return "Join the line"
}

// neverCalled is whether the sale ended before this fan's turn came.
func (v WaitingView) neverCalled() bool {
	return v.Event.State == SaleEnded && v.Number == 0 || v.Event.State == SaleEnded && v.Number > v.Serving
}

func (v WaitingView) overTitle() string {
	switch {
	case v.Tickets > 0:
		return "You have your tickets"
	case v.comesBack():
		return "You left the lobby"
	case v.Status == SpotLeft:
		return "You left the line"
	case v.neverCalled():
		return "The line is closed"
	}
	return "Your turn is over"
}

func (v WaitingView) overLine() string {
	switch {
	case v.Tickets > 0 && v.Event.Limit > 0 && v.Tickets >= v.Event.Limit:
		return "That is as many as each fan can take. There is nothing more to wait for."
	case v.Tickets > 0:
		return "Your visit is over. There is nothing more to do."
	case v.comesBack():
		return "Nothing was bought and nothing was paid."
	case v.Status == SpotLeft:
		return "Everybody behind you moved up. Nothing was bought and nothing was paid."
	case v.neverCalled() && v.Number > 0 && v.Serving > 0:
		return "The sale is over. We called up to number " + num(v.Serving) + ", and yours is " + num(v.Number) + ". We are sorry that your turn did not come. You paid nothing."
	case v.neverCalled():
		return "The sale is over, and no more numbers are called. We are sorry that your turn did not come. You paid nothing."
	}
	return "Your time ended without a ticket. No money was taken."
}

func (v WaitingView) canLeave() bool {
	switch v.Status {
	case SpotLobby, SpotWaiting, SpotMissed:
		return v.Event.State != SaleEnded
	case SpotInside: // With a claim open there is something to pay or to give back first.
		return v.Checkout == "" && v.Event.State != SaleEnded
	}
	return false
}

func (v WaitingView) leaveLine() string {
	switch {
	case v.Status == SpotLobby:
		return "Not coming? Leave the lobby and somebody else has a better place. Until the sale opens you can come back."
	case v.Status == SpotInside && v.Tickets > 0:
		return "Is that all you want? Let the next fan in. Your tickets stay yours."
	case v.Status == SpotInside:
		return "Changed your mind? Let the next fan in. You pay nothing."
	}
	return "Not coming? Leave the line and everybody behind you moves up."
}

func leaveLabel(s SpotStatus) string {
	switch s {
	case SpotInside:
		return "Let the next fan in"
	case SpotLobby:
		return "Leave the lobby"
	}
	return "Leave the line"
}

// leaving is what a fan is asked before they give a place up.
type leaving struct{ Title, Text, Stay, Go string }

func leaveWords(s SpotStatus, number int64, tickets int) leaving {
	switch {
	case s == SpotInside && tickets > 0:
		return leaving{"End your visit?", "Your " + count(tickets, "ticket stays", "tickets stay") + " yours, and the next fan comes in. If you want more tickets later, you stand behind everybody who waits.", "Stay inside", "End my visit"}
	case s == SpotInside:
		return leaving{"End your visit?", "You have no tickets yet. The next fan comes in, and if you want tickets later, you stand behind everybody who waits.", "Stay inside", "End my visit"}
	case s == SpotLobby && number == 0:
		return leaving{"Leave the lobby?", "You give up your place in the lobby. Until the sale opens you can join again and get the same place.", "Stay in the lobby", "Leave the lobby"}
	case s == SpotLobby:
		return leaving{"Leave the lobby?", "You are number " + num(number) + ". Until the sale opens you can join again and get the same number. After that, you stand behind everybody who waits.", "Stay in the lobby", "Leave the lobby"}
	case number == 0:
		return leaving{"Leave the line?", "You give up your place. If you come back, you stand behind everybody who waits.", "Stay in line", "Leave for good"}
	}
	return leaving{"Leave the line?", "You are number " + num(number) + ". If you leave, the fans behind you move up. If you come back, you stand behind everybody who waits.", "Stay in line", "Leave for good"}
}

// moreLine is what a fan inside has already, and what they may still take.
func (v WaitingView) moreLine() string {
	if v.Checkout != "" || v.UsedUp != nil || v.Event.Limit == 0 {
		return "You have " + count(v.Tickets, "ticket", "tickets") + "."
	}
	return alreadyLine(max(v.Owned, v.Tickets), v.Event.Limit) // other sales of the show count too
}

// alreadyLine is what a fan has of a show already, and what they may still take.
func alreadyLine(have, limit int) string {
	s := "You have " + count(have, "ticket", "tickets") + " already"
	if have >= limit {
		return s + ", as many as each fan can take."
	}
	return s + "; you may take " + itoa(limit-have) + " more."
}

// odds is an honest answer to whether there will be a ticket, with the ruler it stands on.
type odds struct {
	Short, Long                string
	Place                      int64  // in the line; 0: not said
	For                        string // what the line stands for
	Ruler                      bool
	Serving, Low, High, Number int64
}

func (v WaitingView) odds() (odds, bool) {
	if v.Odds == nil || v.Status != SpotWaiting && v.Status != SpotLobby || v.Event.State == SaleSoldOut || v.Event.State == SaleEnded || v.goneLine() != "" {
		return odds{}, false
	}
	w := v.Odds
	o := odds{Serving: v.Serving, Number: v.Number, Low: max(w.Low, v.Serving), High: w.High}
	tickets := about(w.Left) + " ticket"
	if w.Left != 1 {
		tickets += "s"
	}
	if len(v.Wants) > 0 {
		tickets += " of the kinds you want"
	}
	o.Place, o.For = w.Place, tickets
	switch w.Chance {
	case "likely":
		o.Short = "Very likely, if you come when we call you."
	case "close":
		o.Short = "Perhaps. It is close."
	default:
		o.Short = "Unlikely, unless tickets come back."
	}
	if later := waitingTiers(v.wanted()); v.noneFree() && len(later) > 0 {
		o.Short, o.Place = "That cannot be said yet: "+lowerFirst(nothingNow(v.wanted()))+" now.", 0
		o.Long = waitLine(later) + " Your place in the line stays the same."
		if len(notYet(v.wanted())) == 0 {
			o.Long = "Some tickets are held: those that are not paid in time come back, and are offered in the order of the line. " + o.Long
		}
		return o, true
	}
	if v.noneFree() {
		o.Short, o.Place = "Only if tickets come back.", 0
		o.Long = "Every ticket is sold or held at the moment. Those that are not paid in time come back, and are offered in the order of the line."
		if len(v.Wants) > 0 {
			o.Long = "Every ticket of the kinds you want is sold or held at the moment. Those that are not paid in time come back, and are offered in the order of the line."
		}
		return o, true
	}
	// Another turn is counted from the end of the line, not by the number.
	if w.High > v.Serving && v.Number > v.Serving && !v.Again {
		ends := "The tickets are likely to run out"
		if w.Left == 1 {
			ends = "The ticket is likely to go"
		}
		if o.Low < o.High {
			ends += " between number " + num(o.Low) + " and number " + num(w.High)
		} else {
			ends += " at about number " + num(w.High)
		}
		o.Long = ends + ". Yours is " + num(v.Number) + "."
		o.Ruler = true
	}
	return o, true
}

// about is a figure that changes while one reads it: "about 5,000".
func about(n int64) string {
	switch {
	case n >= 1000:
		return "about " + num((n+50)/100*100)
	case n >= 100:
		return "about " + num((n+5)/10*10)
	}
	return num(n)
}

// ordinal is "1st", "12th", "31,204th".
func ordinal(n int64) string {
	end := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			end = "st"
		case 2:
			end = "nd"
		case 3:
			end = "rd"
		}
	}
	return num(n) + end
}

// at is a number's place on the ruler, in its units of 360. The ruler begins a
// little before the number that is called now.
func (o odds) at(n int64) float64 {
	const called, end = 10, 352
	return called + (end-called)*float64(n-o.Serving)/float64(max(o.High, o.Number)-o.Serving)
}

func (o odds) px(n int64) string { return coord(o.at(n)) }

func (o odds) width(a, b int64) string { return coord(max(o.at(b)-o.at(a), 2)) }

func (o odds) youAt() float64 { return min(max(o.at(o.Number)-4, 1), 351) }

func (o odds) you() string { return coord(o.youAt()) }

func (o odds) youText() string {
	switch o.youAnchor() {
	case "start":
		return "0"
	case "end":
		return "360"
	}
	return coord(o.youAt() + 4)
}

func (o odds) youAnchor() string {
	switch x := o.youAt(); {
	case x < 12:
		return "start"
	case x > 340:
		return "end"
	}
	return "middle"
}

type rulerLabel struct{ X, Anchor, Text, ID string }

// labels never touch: one that would is left out, since the sentence below says it too.
func (o odds) labels() []rulerLabel {
	const char = 8.2
	out := []rulerLabel{{"0", "start", num(o.Serving) + " now", "now"}}
	end := char * float64(len(out[0].Text))
	high := num(o.High)
	highX := min(o.at(o.High)+char*float64(len(high))/2, 360)
	highStart := highX - char*float64(len(high))
	low := num(o.Low)
	lowStart := o.at(o.Low) - char*float64(len(low))/2
	if o.Low != o.High && lowStart > end+8 && lowStart+char*float64(len(low)) < highStart-8 {
		out = append(out, rulerLabel{X: coord(o.at(o.Low)), Anchor: "middle", Text: low})
	}
	if highStart > end+8 {
		out = append(out, rulerLabel{X: coord(highX), Anchor: "end", Text: high})
	}
	return out
}

func coord(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// comesBack is whether joining again undoes that the place was left.
func (v WaitingView) comesBack() bool { return v.Status == SpotLeft && v.Event.State == SaleLobby }

func (v WaitingView) againTitle() string {
	if v.comesBack() {
		return "Do you want to come back?"
	}
	return "Do you want another turn?"
}

func (v WaitingView) againLabel() string {
	if v.comesBack() {
		return "Come back into the lobby"
	}
	return "Join the line again"
}

func (v WaitingView) againLine() string {
	if v.comesBack() {
		return "Until the sale opens you get the same place. After that, you stand behind everybody who waits."
	}
	if v.Number == 0 {
		return "You stand behind everybody who waits now."
	}
	return "You keep your number " + num(v.Number) + ", but you stand behind everybody who waits now."
}

// checkLabel leads to the fairness page.
func (v WaitingView) checkLabel() string {
	if v.Serving == 0 {
		return "How this sale is kept fair"
	}
	return "Check every step of the line"
}

// showTiers is whether what is sold, or left, is worth a look.
func (v WaitingView) showTiers() bool {
	switch {
	case len(v.Tiers) == 0, v.Event.State == SaleSoldOut, v.Event.State == SaleEnded:
		return false
	case v.Status == SpotDone, v.Status == SpotLeft, v.Status == SpotNone && v.OnHold:
		return false
	}
	return true
}
