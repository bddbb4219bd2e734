package views_test

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"fairqueue/views"
)

// says is what a fan reads in the waiting room.
func says(t *testing.T, v views.WaitingView) string {
	t.Helper()
	return text(find(t, parse(t, render(t, views.WaitingPage(frame(), v))), "live"))
}

func TestTheDrawIsToldStepByStep(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotLobby)
	v.Event = event(views.SaleLobby)
	v.Event.OpensAt, v.Number, v.Ahead, v.LobbySize, v.Seal = now.Add(time.Minute), 0, 0, 41306, strings.Repeat("9f3c71be04d2", 6)[:64]
	for _, want := range []string{"The draw is at 12:22", "41,306", "Everybody in the lobby has the same chance", "9f3c71be04d2", "Being early, refreshing or a second phone does not help."} {
		if page := says(t, v); !strings.Contains(page, want) {
			t.Errorf("the lobby does not say %q:\n%s", want, page)
		}
	}
	if strings.Contains(says(t, v), v.Seal) {
		t.Error("the whole seal is on the page")
	}
	v.Event.Held = true
	if page := says(t, v); !strings.Contains(page, "The draw is being held") || strings.Contains(page, "00:00") {
		t.Errorf("a lobby that is closed reads:\n%s", page)
	}
	v.Beacon = "round 7 of drand quicknet"
	if page := says(t, v); !strings.Contains(page, "The draw waits for round 7 of drand quicknet") {
		t.Errorf("what the draw waits for is not said:\n%s", page)
	}
	v.Late = true
	if page := says(t, v); !strings.Contains(page, "you stand behind everybody in it") || strings.Contains(page, "You are in the lobby") {
		t.Errorf("somebody behind the lobby reads:\n%s", page)
	}
}

func TestOddsAreSaidPlainly(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotWaiting)
	v.Number, v.Ahead, v.Serving = 39418, 31203, 8214
	v.Odds = &views.OddsInfo{Chance: "unlikely", Place: 31204, Left: 4976, Low: 10700, High: 13200}
	for _, want := range []string{"Unlikely, unless tickets come back.", "You are 31,204th in line for about 5,000 tickets.", "between number 10,700 and number 13,200"} {
		if page := says(t, v); !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
	v.Tiers = append(v.Tiers, views.TierInfo{ID: "u", Ordinal: 1, Name: "Box", Capacity: 10, Available: 3})
	v.Wants, v.Odds.Left, v.Odds.Place = []int{1}, 3, 2
	if page := says(t, v); !strings.Contains(page, "You are 2nd in line for 3 tickets of the kinds you want.") {
		t.Errorf("the odds do not follow the wishes:\n%s", page)
	}
	v.Tiers[0].Available, v.Tiers[1].Available = 0, 0
	if page := says(t, v); !strings.Contains(page, "Only if tickets come back.") {
		t.Errorf("with everything held the page says:\n%s", page)
	}
	v.Tiers[1].Available, v.Again, v.Number, v.Ahead = 3, true, 12, 900
	if page := says(t, v); !strings.Contains(page, "in line for 3 tickets") || strings.Contains(page, "between number") {
		t.Errorf("another turn is placed by its number:\n%s", page)
	}
	v.Odds = nil
	if page := says(t, v); strings.Contains(page, "Will there be a ticket for you?") {
		t.Error("odds without knowing any")
	}
}

func TestSoldOutForYou(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotWaiting)
	v.Tiers = []views.TierInfo{
		{ID: "a", Ordinal: 0, Name: "Floor", Capacity: 10, SoldOut: true}, {ID: "b", Ordinal: 1, Name: "Box", Capacity: 10, Available: 4},
		{ID: "c", Ordinal: 2, Name: "Stands", Capacity: 10},
	}
	for _, tc := range []struct {
		wants []int
		gone  bool
	}{{nil, false}, {[]int{0}, true}, {[]int{0, 1}, false}, {[]int{2}, false}} { // What is only held may come back.
		v.Wants = tc.wants
		if page := says(t, v); strings.Contains(page, "Sold out for you") != tc.gone {
			t.Errorf("wants %v: sold out for you is %t:\n%s", tc.wants, !tc.gone, page)
		}
	}
	v.Wants = []int{0}
	if page := says(t, v); !strings.Contains(page, "Floor is sold out. Box is left.") {
		t.Errorf("what is left is not said:\n%s", page)
	}
}

func TestWishesAreShownAsTheyWereSaved(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotWaiting)
	v.Tiers = []views.TierInfo{{ID: "a", Ordinal: 0, Name: "Floor", Available: 1}, {ID: "b", Ordinal: 1, Name: "Box", Available: 1}}
	ticked := func() (names []string) {
		for _, in := range all(find(t, parse(t, render(t, views.WaitingLive(frame(), v))), "wishes"), tag("input")) {
			if _, on := attr(in, "checked"); on {
				name, _ := attr(in, "name")
				value, _ := attr(in, "value")
				names = append(names, name+value)
			}
		}
		return names
	}
	if got := strings.Join(ticked(), " "); got != "tier0 tier1" {
		t.Errorf("without a wish %q is ticked", got)
	}
	v.Wants, v.Mail = []int{1}, true
	if got := strings.Join(ticked(), " "); got != "mail1 tier1" {
		t.Errorf("%q is ticked", got)
	}
	if page := says(t, v); !strings.Contains(page, "Saved: an e-mail when it is your turn; Box.") {
		t.Errorf("what was saved is not said:\n%s", page)
	}
}

func TestTwoMoreMinutesAreOfferedOnce(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotCalled)
	form := func() int {
		return len(all(parse(t, render(t, views.WaitingPage(frame(), v))), func(n *html.Node) bool { a, _ := attr(n, "action"); return a == "/events/show/more" }))
	}
	if form() != 0 {
		t.Error("more time is offered to who had it")
	}
	v.More = true
	if form() != 1 {
		t.Error("no more time is offered")
	}
}

// The page counts on from the number that is called, so that alone is no reason for another part.
func TestThePartChangesWithWhatItShows(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotWaiting)
	v.Odds = &views.OddsInfo{Chance: "likely", Place: 6, Left: 60, Low: 70, High: 101}
	was := v.Part(now)
	same := v
	same.Serving, same.Ahead, same.Rate, same.PollAfter = 43, 3, 31, time.Second
	same.Odds = &views.OddsInfo{Chance: "likely", Place: 4, Left: 60, Low: 70, High: 101}
	if same.Part(now) != was {
		t.Error("the part changes with every number that is called")
	}
	for name, change := range map[string]func(*views.WaitingView){
		"state":   func(v *views.WaitingView) { v.Event.State = views.SalePaused },
		"status":  func(v *views.WaitingView) { v.Status = views.SpotCalled },
		"message": func(v *views.WaitingView) { v.Event.Message = "Gate 2" },
		"eta":     func(v *views.WaitingView) { v.EtaHigh += time.Minute },
		"stock": func(v *views.WaitingView) {
			v.Tiers = []views.TierInfo{{ID: "t", Name: "Floor", Capacity: 100, Available: 59}}
		},
		"odds": func(v *views.WaitingView) {
			v.Odds = &views.OddsInfo{Chance: "close", Place: 6, Left: 60, Low: 70, High: 101}
		},
		"wish": func(v *views.WaitingView) { v.Wants = []int{1} },
		"hold": func(v *views.WaitingView) { v.OnHold = true },
	} {
		other := v
		change(&other)
		if other.Part(now) == was {
			t.Errorf("another %s is the same part", name)
		}
	}
	known := v
	if known.Digest = v.Shared(); known.Part(now) != was {
		t.Error("what is known of the sale already makes another part")
	}
	again := v
	again.Number, again.Ahead, again.Again = 12, 900, true // The page cannot count this one.
	was = again.Part(now)
	again.Ahead--
	if again.Part(now) == was {
		t.Error("a place that the page cannot count is the same part")
	}
}

// Whose turn met an empty stock keeps it, and reads so.
func TestSoldOutInYourTurn(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotWaiting)
	v.Event = event(views.SaleSoldOut)
	v.Next, v.Number, v.Ahead, v.Serving = true, 41, 0, 44
	for _, want := range []string{"Sold out", "It sold out while it was your turn. You are first if tickets come back.", "Your turn is kept."} {
		if page := says(t, v); !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
	if page := says(t, v); strings.Contains(page, "as soon as there is room") || strings.Contains(page, "place on the waiting list") {
		t.Errorf("the page promises room, or the end of the list:\n%s", page)
	}
	if spoken, _ := attr(find(t, parse(t, render(t, views.WaitingPage(frame(), v))), "live"), "data-say"); spoken != "Sold out while it was your turn. You are first if tickets come back." {
		t.Errorf("a screen reader hears %q", spoken)
	}
	v.Ahead = 2
	if page := says(t, v); !strings.Contains(page, "You are among the first if tickets come back.") {
		t.Errorf("behind two others the page says:\n%s", page)
	}
}

// What a screen reader hears is what the heading says, in every state; one that differs sends a fan elsewhere than the page.
func TestTheVoiceSaysWhatTheHeadingSays(t *testing.T) {
	t.Parallel()
	e := event(views.SaleOpen)
	bank := views.BankInfo{Event: e, ClaimID: "c1", Amount: 1500000, Waiting: true}
	inside := func(change func(*views.WaitingView)) views.WaitingView {
		v := waiting(views.SpotInside)
		change(&v)
		return v
	}
	in := func(status views.SpotStatus, state views.SaleState) views.WaitingView {
		v := waiting(status)
		v.Event.State = state
		return v
	}
	states := map[string]views.WaitingView{
		"turn": waiting(views.SpotCalled), "missed": waiting(views.SpotMissed), "left": waiting(views.SpotLeft), "done": waiting(views.SpotDone),
		"not in line": waiting(views.SpotNone), "too late": in(views.SpotNone, views.SaleEnded), "too early": in(views.SpotNone, views.SaleScheduled),
		"sold out": in(views.SpotWaiting, views.SaleSoldOut), "ended": in(views.SpotWaiting, views.SaleEnded), "lobby": in(views.SpotLobby, views.SaleLobby),
		"choosing": waiting(views.SpotInside),
		"holding":  inside(func(v *views.WaitingView) { v.Checkout = "/checkout/c1" }),
		"paying":   inside(func(v *views.WaitingView) { v.Checkout, v.Bank = "/checkout/c1", &bank }),
		"used up": inside(func(v *views.WaitingView) {
			v.Checkout, v.UsedUp = "/checkout/c1", &views.UsedUpInfo{Event: e, Held: 2, Until: now.Add(time.Minute)}
		}),
		"with tickets": func() views.WaitingView { v := waiting(views.SpotDone); v.Tickets = 2; return v }(),
		"unknown":      func() views.WaitingView { v := waiting(views.SpotNone); v.OnHold = true; return v }(),
		"cancelled":    func() views.WaitingView { v := waiting(views.SpotInside); v.Event.Cancelled = true; return v }(),
	}
	for name, v := range states {
		root := parse(t, render(t, views.WaitingPage(frame(), v)))
		live := find(t, root, "live")
		heads := all(live, tag("h1"))
		spoken, _ := attr(live, "data-say")
		if len(heads) != 1 || !strings.Contains(strings.ToLower(spoken), strings.ToLower(text(heads[0]))) {
			t.Errorf("%s: the heading is %q and a screen reader hears %q", name, text(heads[0]), spoken)
		}
	}
	if spoken, _ := attr(find(t, parse(t, render(t, views.WaitingPage(frame(), states["used up"]))), "live"), "data-say"); !strings.Contains(spoken, "Both payments failed") || strings.Contains(spoken, "Pay for") {
		t.Errorf("with both payments used a screen reader hears %q", spoken)
	}
}
