package views

import (
	"time"

	"github.com/a-h/templ"
)

func (b *galleryBook) fan() {
	b.group = "Events"
	b.add("home", "Events, a place in the lobby", func(f Frame) templ.Component {
		e := galleryEvents()
		return HomePage(signedIn(f), HomeView{Events: e, Places: []PlaceInfo{{Event: e[0].Event, Status: SpotLobby}}})
	})
	bank := func(change func(*BankInfo)) BankInfo {
		v := BankInfo{Event: galleryEvent(SaleOpen), ClaimID: "c1", Amount: 5000000, Waiting: true}
		if change != nil {
			change(&v)
		}
		return v
	}
	b.add("home-bank", "Events, money with the bank", func(f Frame) templ.Component {
		e := galleryEvents()
		return HomePage(signedIn(f), HomeView{Events: e, Places: []PlaceInfo{{Event: e[0].Event, Status: SpotInside}}, Banks: []BankInfo{bank(nil)}})
	})
	b.add("home-bank-begun", "Events, a payment that was begun", func(f Frame) templ.Component {
		return HomePage(signedIn(f), HomeView{Events: galleryEvents(), Banks: []BankInfo{bank(func(v *BankInfo) { v.Waiting = false })}})
	})
	b.add("home-used-up", "Events, both payments of a visit failed", func(f Frame) templ.Component {
		e := galleryEvents()
		return HomePage(signedIn(f), HomeView{Events: e, Places: []PlaceInfo{{Event: e[0].Event, Status: SpotInside, UsedUp: galleryUsedUp(2)}}})
	})
	b.add("home-out", "Events, signed out", func(f Frame) templ.Component { return HomePage(f, HomeView{Events: galleryEvents()[1:]}) })
	b.add("home-empty", "No events", func(f Frame) templ.Component { return HomePage(f, HomeView{}) })
	event := func(state SaleState, change func(*EventView)) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			v := EventView{Event: galleryEvent(state), Tiers: galleryTiers(), Turn: 2 * time.Minute, Visit: 10 * time.Minute, Hold: 10 * time.Minute, Channels: []string{"card", "ussd"}}
			switch state {
			case SaleScheduled:
				v.Event, v.Tiers = opensIn(v.Event, 44*time.Hour+44*time.Minute+20*time.Second), fullTiers()
			case SaleLobby:
				v.Event, v.Tiers = opensIn(v.Event, 522*time.Second), fullTiers()
			}
			if change != nil {
				change(&v)
			}
			if v.Place != nil {
				v.Place.Event = v.Event
				f = signedIn(f)
			}
			return EventPage(f, v)
		}
	}
	b.add("event-scheduled", "Before the lobby opens, signed out", event(SaleScheduled, nil))
	b.add("event-ready", "Before the lobby opens, signed in", func(f Frame) templ.Component { return event(SaleScheduled, nil)(signedIn(f)) })
	b.add("event-lobby", "The lobby is open", func(f Frame) templ.Component { return event(SaleLobby, nil)(signedIn(f)) })
	b.add("event-draw", "The draw is being held", func(f Frame) templ.Component {
		return event(SaleLobby, func(v *EventView) { v.Event.Held = true })(signedIn(f))
	})
	b.add("event-draw-place", "The draw is being held, in the lobby", event(SaleLobby, func(v *EventView) {
		v.Event.Held, v.Place = true, &PlaceInfo{Status: SpotLobby}
	}))
	b.add("event-open", "On sale", func(f Frame) templ.Component {
		return event(SaleOpen, func(v *EventView) { v.Event.Draw = false; v.Event = withMessage(v.Event) })(signedIn(f))
	})
	b.add("event-place", "On sale, with a place", event(SaleOpen, func(v *EventView) { v.Place = &PlaceInfo{Status: SpotWaiting, Number: 12408, Ahead: 4193} }))
	b.add("event-bank", "On sale, money with the bank", event(SaleOpen, func(v *EventView) {
		w := bank(nil)
		v.Place, v.Bank = &PlaceInfo{Status: SpotInside, Number: 812}, &w
	}))
	b.add("event-bank-late", "On sale, money that may still come", event(SaleOpen, func(v *EventView) {
		w := bank(func(v *BankInfo) { v.Late = true })
		v.Place, v.Bank = &PlaceInfo{Status: SpotDone, Number: 812}, &w
	}))
	b.add("event-used-up", "On sale, both payments of the visit failed", event(SaleOpen, func(v *EventView) {
		v.Place = &PlaceInfo{Status: SpotInside, Number: 812, UsedUp: galleryUsedUp(1)}
	}))
	b.add("event-used-up-late", "On sale, both payments used and one may still come", event(SaleOpen, func(v *EventView) {
		w := bank(func(v *BankInfo) { v.Late = true })
		u := galleryUsedUp(0)
		u.Late = true
		v.Place, v.Bank = &PlaceInfo{Status: SpotInside, Number: 812, UsedUp: u}, &w
	}))
	b.add("event-called", "On sale, called", event(SaleOpen, func(v *EventView) { v.Place = &PlaceInfo{Status: SpotCalled, Number: 12408} }))
	b.add("event-paused", "Paused", event(SalePaused, nil))
	b.add("event-problem", "Joining was refused", func(f Frame) templ.Component {
		return event(SaleOpen, func(v *EventView) { v.Problem = &Problem{Code: "line_full"} })(signedIn(f))
	})
	b.add("event-sold-out", "Sold out", event(SaleSoldOut, func(v *EventView) { v.Tiers = soldTiers() }))
	b.add("event-presale", "On sale, some with a code", func(f Frame) templ.Component {
		return event(SaleOpen, func(v *EventView) {
			v.Tiers[2].Available, v.Tiers[2].Wait = 0, "With a code only, until today, 18:00"
			v.Presale = PresaleInfo{Runs: true, Code: "DUST", Wrong: CodeWords("invalid_code")}
		})(signedIn(f))
	})
	b.add("event-presale-out", "On sale, some with a code, signed out", event(SaleOpen, func(v *EventView) { v.Presale.Runs = true }))
	b.add("event-more", "Sold out, more tickets to come", event(SaleSoldOut, func(v *EventView) {
		v.Tiers = soldTiers()
		more := opensIn(galleryEvent(SaleScheduled), 44*time.Hour)
		more.Slug += "-2"
		v.Releases = []HomeEvent{{Event: more}}
	}))
	b.add("event-ended", "Over", event(SaleEnded, nil))
	b.add("event-cancelled-bank", "Cancelled, money with the bank", event(SaleEnded, func(v *EventView) {
		v.Event = calledOff(v.Event)
		v.Place, v.Bank = &PlaceInfo{Status: SpotInside, Number: 812}, &BankInfo{Event: v.Event, ClaimID: "c1", Amount: 5000000, Waiting: true}
	}))

	b.group = "Sign in"
	b.add("sign-in", "E-mail", func(f Frame) templ.Component { return SignInPage(f, SignInView{Email: "jolaade@mail.example"}) })
	b.add("sign-in-error", "E-mail, mistyped", func(f Frame) templ.Component {
		return SignInPage(f, SignInView{Email: "jolaade@mail", Error: "Write the whole address, like name@mail.com."})
	})
	code := CodeView{Email: "jolaade@mail.example", SentAt: galleryNow, ExpiresAt: galleryNow.Add(10 * time.Minute), Zone: galleryZone()}
	b.add("sign-in-code", "Code", func(f Frame) templ.Component { v := code; v.Dev = true; return CodePage(f, v) })
	b.add("sign-in-code-error", "Code, mistyped", func(f Frame) templ.Component {
		v := code
		v.Error = "That is 5 digits. The code has 6. You have 4 tries left."
		return CodePage(f, v)
	})
}

func (b *galleryBook) waiting() {
	b.group = "Waiting room"
	room := func(status SpotStatus, state SaleState, change func(*WaitingView)) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			v := galleryWaiting(status, state)
			if change != nil {
				change(&v)
			}
			return WaitingPage(signedIn(f), v)
		}
	}
	lobby := func(v *WaitingView) {
		v.Event, v.Tiers, v.LobbySize = opensIn(v.Event, 522*time.Second), fullTiers(), 41306
		v.Number, v.Ahead, v.Serving, v.HasEta, v.Odds = 0, 0, 0, false, nil
		v.Seal = "9f3c71be04d2a1f09f3c71be04d2a1f09f3c71be04d2a1f09f3c71be04d2a1f0"
	}
	b.add("waiting-none", "Not in the line yet", room(SpotNone, SaleOpen, nil))
	b.add("waiting-early", "The line is not open yet", room(SpotNone, SaleScheduled, func(v *WaitingView) { lobby(v); v.Event = opensIn(v.Event, 40*time.Minute) }))
	b.add("waiting-lobby", "Lobby before the draw", room(SpotLobby, SaleLobby, lobby))
	b.add("waiting-lobby-number", "Lobby with a number", room(SpotLobby, SaleLobby, func(v *WaitingView) {
		lobby(v)
		v.Event.Draw, v.Seal, v.Number, v.Ahead = false, "", 1204, 1203
	}))
	b.add("waiting-draw", "The draw is being held", room(SpotLobby, SaleLobby, func(v *WaitingView) { lobby(v); v.Event.Held = true }))
	b.add("waiting-draw-beacon", "The draw waits for its beacon", room(SpotLobby, SaleLobby, func(v *WaitingView) {
		lobby(v)
		v.Event.Held, v.Beacon = true, "round 18,402,117 of drand quicknet"
	}))
	b.add("waiting-draw-late", "Behind the lobby, before the draw", room(SpotLobby, SaleLobby, func(v *WaitingView) {
		lobby(v)
		v.Event.Held, v.Late, v.Beacon = true, true, "round 18,402,117 of drand quicknet"
	}))
	b.add("waiting-number", "In line", room(SpotWaiting, SaleOpen, func(v *WaitingView) { v.Event = withMessage(v.Event) }))
	b.add("waiting-small", "In line, a small number", room(SpotWaiting, SaleOpen, func(v *WaitingView) {
		v.Number, v.Ahead, v.Serving, v.EtaLow, v.EtaHigh = 47, 5, 41, 20*time.Second, 80*time.Second
		v.Odds = &OddsInfo{Chance: "likely", Place: 6, Left: 4780, Low: 2210, High: 3180}
	}))
	b.add("waiting-big", "In line, a large number", room(SpotWaiting, SaleOpen, func(v *WaitingView) { v.Number, v.Ahead = 250118, 250118-8215; v.HasEta, v.Odds = false, nil }))
	b.add("waiting-unlikely", "In line, far behind what is left", room(SpotWaiting, SaleOpen, func(v *WaitingView) {
		v.Number, v.Ahead, v.EtaLow, v.EtaHigh = 39418, 31203, 84*time.Minute, 118*time.Minute
		v.Odds = &OddsInfo{Chance: "unlikely", Place: 31204, Left: 4976, Low: 10700, High: 13200}
	}))
	b.add("waiting-wishes", "In line, with wishes, later than before", room(SpotWaiting, SaleOpen, func(v *WaitingView) {
		v.Wants, v.Mail, v.Why = []int{1, 2}, true, "slow_payments"
		v.Odds = &OddsInfo{Chance: "likely", Place: 4194, Left: 4744, Low: 12900, High: 15200}
	}))
	b.add("waiting-presale", "In line, some tickets take a code", room(SpotWaiting, SaleOpen, func(v *WaitingView) {
		v.Presale, v.Tiers[2].Available, v.Tiers[2].Wait = true, 0, "With a code only, until today, 18:00"
	}))
	b.add("waiting-gone", "In line, sold out for you", room(SpotWaiting, SaleOpen, func(v *WaitingView) {
		v.Wants, v.Odds = []int{4}, &OddsInfo{Chance: "gone", Place: 4194}
	}))
	b.add("waiting-later", "In line, what is left opens later", room(SpotWaiting, SaleOpen, func(v *WaitingView) {
		v.HasEta, v.Why = false, "stock_later"
		for i := range v.Tiers {
			v.Tiers[i].Available, v.Tiers[i].SoldOut = 0, i != 1 && i != 2
		}
		v.Tiers[1].Wait, v.Tiers[1].WaitUntil = "On sale from today, 14:00", galleryNow.Add(2*time.Hour)
		v.Tiers[2].Wait, v.Tiers[2].WaitUntil = "With a code only, until today, 13:00", galleryNow.Add(time.Hour)
	}))
	b.add("waiting-still", "In line, nobody is called just now", room(SpotWaiting, SaleOpen, func(v *WaitingView) { v.Still, v.HasEta, v.Why = true, false, "slow_payments" }))
	b.add("waiting-paused", "Paused", room(SpotWaiting, SalePaused, func(v *WaitingView) {
		v.Event = withMessage(v.Event)
		v.Event.Message = "One bank is slow, so payments are failing. We stopped the line so that nobody loses a ticket to it."
	}))
	b.add("waiting-hold", "Database on hold", room(SpotWaiting, SaleOpen, func(v *WaitingView) { v.OnHold = true }))
	b.add("waiting-hold-unknown", "Database on hold, place not known", room(SpotNone, SaleOpen, func(v *WaitingView) { v.OnHold = true }))
	b.add("waiting-again", "Another turn", room(SpotWaiting, SaleOpen, func(v *WaitingView) { v.Again, v.Odds = true, nil; v.Number, v.Ahead = 311, 42105 }))
	b.add("waiting-next", "Next, after a missed turn", room(SpotWaiting, SaleOpen, func(v *WaitingView) { v.Again, v.Next, v.Odds, v.Number, v.Ahead = true, true, nil, 311, 0 }))
	b.add("waiting-turn", "Your turn", room(SpotCalled, SaleOpen, func(v *WaitingView) { v.Until = galleryNow.Add(107 * time.Second); v.More = true }))
	b.add("waiting-again-tickets", "Another turn, with tickets", room(SpotWaiting, SaleOpen, func(v *WaitingView) {
		v.Again, v.Odds = true, nil
		v.Number, v.Ahead, v.Owned = 311, 42105, 3
	}))
	b.add("waiting-turn-tickets", "Your turn, with tickets", room(SpotCalled, SaleOpen, func(v *WaitingView) { v.Until, v.Owned = galleryNow.Add(107*time.Second), 3 }))
	b.add("waiting-inside", "Inside", room(SpotInside, SaleOpen, func(v *WaitingView) { v.Until = galleryNow.Add(512 * time.Second) }))
	b.add("waiting-inside-tickets", "Inside, with tickets", room(SpotInside, SaleOpen, func(v *WaitingView) { v.Until, v.Tickets = galleryNow.Add(512*time.Second), 2 }))
	b.add("waiting-inside-paused", "Inside, paused", room(SpotInside, SalePaused, func(v *WaitingView) { v.Until = galleryNow.Add(512 * time.Second) }))
	b.add("waiting-bank", "Inside, money with the bank", room(SpotInside, SaleOpen, func(v *WaitingView) {
		v.Checkout, v.Bank = "/checkout/c1", &BankInfo{Event: v.Event, ClaimID: "c1", Amount: 5000000, Waiting: true}
	}))
	b.add("waiting-used-up", "Inside, both payments failed", room(SpotInside, SaleOpen, func(v *WaitingView) { v.Checkout, v.UsedUp = "/checkout/c1", galleryUsedUp(2) }))
	b.add("waiting-cancelled", "In line, the event is cancelled", room(SpotWaiting, SaleEnded, func(v *WaitingView) { v.Event = calledOff(v.Event) }))
	b.add("waiting-cancelled-bank", "Was inside, the event is cancelled, money with the bank", room(SpotInside, SaleEnded, func(v *WaitingView) {
		v.Event = calledOff(v.Event)
		v.Bank = &BankInfo{Event: v.Event, ClaimID: "c1", Amount: 5000000, Waiting: true}
	}))
	b.add("waiting-turn-paused", "Your turn, paused", room(SpotCalled, SalePaused, func(v *WaitingView) { v.Until = galleryNow.Add(107 * time.Second) }))
	b.add("waiting-missed", "Missed", room(SpotMissed, SaleOpen, func(v *WaitingView) { v.Until = galleryNow.Add(371 * time.Second) }))
	b.add("waiting-sold-out", "Sold out", room(SpotWaiting, SaleSoldOut, func(v *WaitingView) {
		v.Number, v.Serving, v.Ahead, v.Tiers = 15892, 14026, 1865, soldTiers()
	}))
	b.add("waiting-ended", "The sale is over, never called", room(SpotDone, SaleEnded, nil))
	b.add("waiting-done", "Done, with tickets", room(SpotDone, SaleOpen, func(v *WaitingView) { v.Tickets = 4 }))
	b.add("waiting-done-none", "Done, without tickets", room(SpotDone, SaleOpen, func(v *WaitingView) { v.Again = true }))
	b.add("waiting-left", "Left", room(SpotLeft, SaleOpen, func(v *WaitingView) { v.Again = true }))
	b.add("leave", "Leave the line?", func(f Frame) templ.Component {
		return LeavePage(signedIn(f), LeaveView{Event: galleryEvent(SaleOpen), Status: SpotWaiting, Number: 12408})
	})
}

func (b *galleryBook) buying() {
	b.group = "Choose and pay"
	choose := func(change func(*ChooseView)) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			v := ChooseView{Event: galleryEvent(SaleOpen), Tiers: galleryTiers(), Until: galleryNow.Add(512 * time.Second), Visit: 10 * time.Minute, Hold: 10 * time.Minute, CanTake: 4, Quantity: 2, TierID: "t2", Channels: []string{"card", "ussd"}}
			if change != nil {
				change(&v)
			}
			return ChoosePage(signedIn(f), v)
		}
	}
	b.add("choose", "Choose", choose(nil))
	b.add("choose-conflict", "Choose, too few left", choose(func(v *ChooseView) {
		v.TierID, v.Quantity, v.Problem = "t3", 4, &Problem{Code: "not_enough_left", Left: 3}
	}))
	b.add("choose-limit", "Choose, some taken before", choose(func(v *ChooseView) { v.CanTake, v.Problem = 1, &Problem{Code: "limit_reached", Left: 1} }))
	b.add("choose-none", "Choose, all held", choose(func(v *ChooseView) { v.Tiers = heldTiers() }))
	b.add("choose-sold", "Choose, all sold", choose(func(v *ChooseView) { v.Tiers = soldTiers() }))
	b.add("choose-later", "Choose, a kind that is not on sale yet, and a code", choose(func(v *ChooseView) {
		v.Tiers[2].Available, v.Tiers[2].Wait = 0, "On sale from today, 14:00"
		v.Presale = PresaleInfo{Runs: true, Code: "DUST-BRAS", Wrong: "Check it letter by letter. It is for this event only."}
	}))
	b.add("choose-change", "Choose again inside a hold", choose(func(v *ChooseView) { v.ClaimID, v.Held, v.Until = "c1", 2, galleryNow.Add(401*time.Second) }))
	b.add("choose-paused", "Choose, paused", choose(func(v *ChooseView) { v.Event.State = SalePaused }))
	b.add("choose-used-up", "Choose, no payment is left", choose(func(v *ChooseView) { v.UsedUp = galleryUsedUp(0) }))
	b.add("choose-used-up-held", "Choose, no payment is left, and tickets are held", choose(func(v *ChooseView) { v.Checkout, v.UsedUp = "/checkout/c1", galleryUsedUp(2) }))
	b.add("choose-bank", "Choose, money with the bank", choose(func(v *ChooseView) {
		v.Checkout, v.Bank = "/checkout/c1", &BankInfo{Event: v.Event, ClaimID: "c1", Amount: 5000000, Waiting: true}
	}))
	b.add("choose-holding", "Choose, holding already", choose(func(v *ChooseView) { v.Checkout = "/checkout/c1" }))
	b.checkout()

	b.group = "Tickets"
	b.add("tickets", "My tickets", func(f Frame) templ.Component {
		return TicketsPage(signedIn(f), TicketsView{Tickets: []TicketInfo{galleryTicket(TicketValid), galleryTicket(TicketUsed), galleryTicket(TicketReturned)}})
	})
	b.add("tickets-bank", "No tickets yet, money with the bank", func(f Frame) templ.Component {
		return TicketsPage(signedIn(f), TicketsView{Banks: []BankInfo{{Event: galleryEvent(SaleOpen), ClaimID: "c1", Amount: 5000000, Waiting: true}}})
	})
	b.add("tickets-empty", "No tickets yet", func(f Frame) templ.Component {
		return TicketsPage(signedIn(f), TicketsView{Places: []PlaceInfo{{Event: galleryEvent(SaleOpen), Status: SpotWaiting, Number: 12408, Ahead: 4193}}})
	})
	b.oneTicket()

	b.group = "Reading"
	b.add("fairness", "Fairness of a sale", func(f Frame) templ.Component { return FairnessPage(signedIn(f), galleryFairness()) })
	b.add("fairness-beacon", "Fairness with a beacon, own place", func(f Frame) templ.Component {
		v := galleryFairness()
		v.Draw.Beacon = galleryBeacon()
		v.Draw.Beacon.Value = "1a2f1fd4e2bd1a3f6a1f0c53e6b0c1b5d7a8a1c0b2c94b7be8f03a7d1c96f1ab"
		v.Own = &OwnPlace{Spot: "0190b6a0-0000-7000-8000-0000000000aa", Arrival: 30112, Number: 12408}
		return FairnessPage(signedIn(f), v)
	})
	b.add("fairness-awaited", "Fairness while the beacon is awaited", func(f Frame) templ.Component {
		v := galleryFairness()
		v.Event.State, v.Event.Held, v.Serving, v.Admissions, v.Exceptions, v.Sold = SaleLobby, true, 0, nil, nil, 0
		v.Draw.Beacon, v.Draw.Secret, v.Draw.Seed, v.Draw.DrawnAt = galleryBeacon(), "", "", time.Time{}
		v.Draw.Beacon.Due = galleryNow.Add(20 * time.Second)
		return FairnessPage(f, v)
	})
	b.add("fairness-waived", "Fairness after the beacon was left out", func(f Frame) templ.Component {
		v := galleryFairness()
		v.Draw.Beacon = galleryBeacon()
		v.Draw.Beacon.WaivedAt = galleryNow.Add(-21 * time.Minute)
		return FairnessPage(f, v)
	})
	b.add("fairness-ended", "Fairness of a sale that ended before its draw", func(f Frame) templ.Component {
		v := galleryFairness()
		v.Event.State, v.Serving, v.Admissions, v.Exceptions, v.Joined = SaleEnded, 0, nil, nil, 312
		v.Draw.Seed, v.Draw.Root, v.Draw.FrozenAt, v.Draw.DrawnAt = "", "", time.Time{}, time.Time{}
		return FairnessPage(f, v)
	})
	b.add("fairness-fifo", "Fairness without a draw", func(f Frame) templ.Component {
		v := galleryFairness()
		v.Event.Draw, v.Draw = false, nil
		return FairnessPage(f, v)
	})
	b.add("fairness-new", "Fairness before anybody was called, one promise broken", func(f Frame) templ.Component {
		v := galleryFairness()
		v.Event.State, v.Serving = SaleScheduled, 0
		v.Admissions, v.Exceptions, v.Joined = nil, nil, 0
		v.Draw = &DrawView{Commitment: v.Draw.Commitment, CommittedAt: v.Draw.CommittedAt}
		v.Invariants[4].Broken = 2
		return FairnessPage(f, v)
	})
	b.add("receipt", "Receipt", func(f Frame) templ.Component {
		return ReceiptPage(signedIn(f), ReceiptView{Event: galleryEvent(SaleOpen), Receipt: "eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIiwidHlwIjoiSldUIn0.eyJhcnJpdmFsIjozMDExMn0.c2lnbmF0dXJl", Arrival: 30112, JoinedAt: galleryNow.Add(-40 * time.Minute)})
	})
	for _, name := range []string{"help", "privacy", "fairness"} {
		b.add("text-"+name, TextView{Name: name}.title(), func(f Frame) templ.Component { return TextPage(f, TextView{Name: name}) })
	}
}

// organizer is a frame of somebody with an organization.
func organizer(f Frame) Frame {
	f = signedIn(f)
	f.Name, f.Organizer = "chioma@shows.example", true
	return f
}

func (b *galleryBook) organizing() {
	b.group = "Organizer"
	b.add("organizer", "Events", func(f Frame) templ.Component {
		v := OrganizerView{}
		for i, e := range galleryEvents() {
			v.Events = append(v.Events, OrganizerEvent{Event: e.Event, Capacity: 2100, Sold: 310 * i, Waiting: int64(40 * i)})
		}
		return OrganizerPage(organizer(f), v)
	})
	b.add("organizer-empty", "No events yet", func(f Frame) templ.Component { return OrganizerPage(organizer(f), OrganizerView{}) })
	b.add("organizer-newcomer", "No organization yet", func(f Frame) templ.Component {
		return OrganizerPage(signedIn(f), OrganizerView{Newcomer: true})
	})
	b.add("organizer-new", "New event", func(f Frame) templ.Component { return EventFormPage(organizer(f), galleryForm()) })
	b.add("organizer-new-errors", "New event, with errors", func(f Frame) templ.Component {
		v := galleryForm()
		v.BeaconName, v.BeaconRound = "drand quicknet", "12"
		v.Name, v.MaxInside, v.Tiers = "Harmattan Nights", "0", []TierForm{{Name: "Floor", Price: "25,000", Capacity: "x"}}
		v.Errors = map[string]string{"beacon.round": "This round of the beacon is past. Name one that comes at least 30 seconds after the sale opens.", "venue": "Write where it is.", "opens_at": "Write when the sale opens.", "tiers.0.capacity": "Write a whole number, 1 to 200,000.", "max_inside": "Write a number from 1 to 100,000."}
		return EventFormPage(organizer(f), v)
	})
	b.organizingSeats(organizer)
	console := func(v ConsoleView) func(Frame) templ.Component {
		return func(f Frame) templ.Component { return ConsolePage(organizer(f), v) }
	}
	b.add("console", "Console, open", console(galleryConsole(SaleOpen, ActionPause, ActionEnd)))
	paused := galleryConsole(SalePaused, ActionResume, ActionEnd)
	paused.Done = "The line is paused. Nobody is called until you let it go on."
	b.add("console-paused", "Console, paused", console(paused))
	draft := galleryConsole(SaleDraft, ActionPublish)
	draft.Stats, draft.Event.Message = Stats{Capacity: 12000, Free: 12000}, ""
	b.add("console-draft", "Console, draft", console(draft))
	lobby := galleryConsole(SaleLobby, ActionOpen, ActionEnd)
	lobby.Event, lobby.Stats = opensIn(lobby.Event, 522*time.Second), Stats{Lobby: 41306, Capacity: 12000, Free: 12000}
	lobby.Problem, lobby.Errors = &Problem{Code: "invalid_transition"}, map[string]string{"admit_per_minute": "Write a number from 1 to 600,000."}
	lobby.Typed = map[string]string{"admit_per_minute": "6oo"}
	b.add("console-lobby", "Console, lobby, refused", console(lobby))
	waits := lobby
	waits.Problem, waits.Errors, waits.Typed, waits.Event.Held, waits.Can = nil, nil, nil, true, []ConsoleAction{ActionEnd}
	waits.Draw = galleryDraw()
	waits.Draw.Secret, waits.Draw.Seed, waits.Draw.DrawnAt, waits.Draw.Beacon = "", "", time.Time{}, galleryBeacon()
	waits.Draw.Beacon.Due = galleryNow.Add(20 * time.Second)
	b.add("console-beacon", "Console, the draw waits for its beacon", console(waits))
	b.add("organizer-beacon", "The value of the beacon", func(f Frame) templ.Component {
		return BeaconPage(organizer(f), BeaconFormView{Event: waits.Event, Beacon: *waits.Draw.Beacon, Size: 41306})
	})
	b.add("organizer-beacon-error", "The value of the beacon, mistyped", func(f Frame) templ.Component {
		return BeaconPage(organizer(f), BeaconFormView{Event: waits.Event, Beacon: *waits.Draw.Beacon, Size: 41306, Value: "5a1c", Unsure: true, Error: "This has 4 characters. The value has 64."})
	})
	b.add("console-end", "End the sale?", func(f Frame) templ.Component {
		return EndPage(organizer(f), EndView{Event: galleryEvent(SaleOpen), Stats: galleryStats()})
	})
	b.orders()

	b.group = "Development"
	b.add("mailbox", "Mailbox", func(f Frame) templ.Component {
		f.Dev = true
		return MailboxPage(f, MailboxView{Messages: []MailRow{{To: "jolaade@mail.example", Subject: "Your code is 407193", Text: "407193\n\nType it on the page where you asked for it. It works until 12:31.", SentAt: galleryNow}}})
	})
	b.add("mailbox-empty", "Mailbox, empty", func(f Frame) templ.Component { f.Dev = true; return MailboxPage(f, MailboxView{}) })
}

// galleryUsedUp is a visit in which no payment is left, with so many tickets held.
func galleryUsedUp(held int) *UsedUpInfo {
	u := &UsedUpInfo{Event: galleryEvent(SaleOpen), Held: held}
	if held > 0 {
		u.Until = galleryNow.Add(6 * time.Minute)
	}
	return u
}

// calledOff is an event that does not take place.
func calledOff(e EventInfo) EventInfo {
	e.Cancelled, e.CancelReason = true, "The stage was damaged by the storm. We are sorry."
	return e
}
