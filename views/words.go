package views

import (
	"time"

	"fairqueue/views/ui"
)

// stateWords says how a sale goes, in a few words.
func stateWords(e EventInfo, tiers []TierInfo, now time.Time) (ui.State, string) {
	if e.Cancelled {
		return ui.Out, "Cancelled"
	}
	l := e.zone()
	switch e.State {
	case SaleDraft:
		return ui.Soon, "Draft, only you see it"
	case SaleScheduled:
		if !e.LobbyOpensAt.IsZero() && e.LobbyOpensAt.After(now) {
			return ui.Soon, "Lobby opens " + when(e.LobbyOpensAt, now, l)
		}
		return ui.Soon, "Sale opens " + when(e.OpensAt, now, l)
	case SaleLobby:
		if e.Held {
			return ui.Soon, "The draw is being held"
		}
		if e.OpensAt.After(now) {
			return ui.Open, "Lobby is open, sale at " + clock(e.OpensAt, l)
		}
		return ui.Open, "Lobby is open, sale opens now"
	case SalePaused:
		return ui.Hold, "Paused"
	case SaleSoldOut:
		return ui.Out, "Sold out, waiting list open"
	case SaleEnded:
		return ui.Out, "Sale is over"
	}
	if len(tiers) > 0 {
		n := available(tiers)
		switch {
		case n == 0 && len(notYet(tiers)) > 0:
			return ui.Soon, notYet(tiers)[0].Wait
		case n == 0:
			return ui.Low, "All held, some may come back"
		case n <= max(min(capacity(tiers)/20, 200), 10):
			return ui.Low, count(n, "ticket left", "tickets left")
		}
	}
	return ui.Open, "On sale"
}

// drawn is whether this sale orders people by draw: without a lobby there is
// nobody to draw among, and it is first come, first served.
func (e EventInfo) drawn() bool { return e.Draw && !e.LobbyOpensAt.IsZero() }

// joinable is whether a fan may join the line now.
func (e EventInfo) joinable() bool {
	switch e.State {
	case SaleLobby, SaleOpen, SalePaused, SaleSoldOut:
		return true
	}
	return false
}

// next is what the countdown of an event page runs to; zero: nothing to wait for.
func (e EventInfo) next(now time.Time) (at time.Time, what string) {
	switch e.State {
	case SaleScheduled:
		if e.LobbyOpensAt.After(now) {
			return e.LobbyOpensAt, "The lobby opens in"
		}
		return e.OpensAt, "The sale opens in"
	case SaleLobby:
		if e.drawn() {
			return e.OpensAt, "The draw is in"
		}
		return e.OpensAt, "The sale opens in"
	}
	return time.Time{}, ""
}

// placeWords tells a fan about their place, for the bar on other pages.
func placeWords(p PlaceInfo, now time.Time) (bold, rest string) {
	name := p.Event.Name
	switch p.Status {
	case SpotLobby:
		if p.Event.Held {
			return "You are in the lobby for " + name + ".", "The draw is being held."
		}
		return "You are in the lobby for " + name + ".", "The sale opens " + at(p.Event.OpensAt, now, p.Event.zone()) + "."
	case SpotCalled:
		return "It is your turn for " + name + ".", "Come in now, before your time runs out."
	case SpotInside:
		return "You are inside for " + name + ".", "Choose your tickets and pay."
	case SpotMissed:
		return "We called you for " + name + ".", "You can still come in."
	}
	if p.Event.State == SalePaused {
		return "You are in line for " + name + ".", "The line is paused. Nobody can pass you."
	}
	if p.Number > 0 && p.Ahead > 0 {
		return "You are in line for " + name + ".", num(p.Ahead) + " ahead of you."
	}
	return "You are in line for " + name + ".", "Your place is kept."
}

// words tell a fan wherever they look that money of theirs is under way, so that nobody pays twice.
func (b BankInfo) words() (bold, rest string) {
	name := b.Event.Name
	switch {
	case b.Late:
		return b.Amount.String() + " may still be with your bank.", "It was for " + name + ". If it arrives, you get equal tickets or all of it back."
	case b.Event.Cancelled:
		return "Do not pay any more for " + name + ".", "The event is cancelled. What has left your bank comes back by itself."
	case b.Waiting:
		return b.Amount.String() + " is with your bank.", "It pays for your tickets for " + name + ". They are kept until your bank has answered. Do not pay a second time."
	}
	return "You began to pay " + b.Amount.String() + ".", "It is for " + name + ", and the tickets are kept for you. Finish that payment, or cancel it there."
}

func (b BankInfo) label() string {
	if b.Waiting || b.Late || b.Event.Cancelled {
		return "See the payment"
	}
	return "Go on to pay"
}

func (b BankInfo) url() string { return "/checkout/" + b.ClaimID }

// waits is whether tickets are kept for the payment.
func (b BankInfo) waits() bool { return !b.Late && !b.Event.Cancelled }

// active is whether a place is worth a bar: something is still to come.
func (p PlaceInfo) active() bool {
	switch p.Status {
	case SpotLobby, SpotWaiting, SpotCalled, SpotInside, SpotMissed:
		return p.Event.State != SaleEnded
	}
	return false
}

// firstActive is the place that other pages remind of; nil: none.
func firstActive(places []PlaceInfo) *PlaceInfo {
	for i := range places {
		if places[i].active() {
			return &places[i]
		}
	}
	return nil
}

// words of a refusal: what happened, then what the person can do.
func (p *Problem) words(e EventInfo, now time.Time) (title, text string) {
	title, text = p.Title, p.Text
	if title != "" && text != "" {
		return title, text
	}
	t, x := "That did not work", "Nothing was changed. Load the page again and try once more."
	switch p.Code {
	case "sold_out":
		t, x = "These tickets have just gone", "Somebody else holds the last ones. Choose another kind, or try again: tickets that are not paid in time come back."
	case "not_enough_left":
		if p.Left > 0 {
			t, x = "Only "+count(p.Left, "ticket is", "tickets are")+" left of this kind", "Choose "+itoa(p.Left)+" or fewer, or another kind. Nothing is held for you yet."
		} else {
			t, x = "There are fewer tickets left than you asked for", "Choose a smaller number, or another kind. Nothing is held for you yet."
		}
	case "seats_taken":
		t, x = "Somebody else was faster with one of these seats", "Nothing is held for you yet. Choose others."
	case "orphan_seat":
		t, x = "A single seat would be left alone", "Move your seats by one, or take that seat as well. Nothing is held for you yet."
	case "tier_not_on_sale":
		t, x = "These tickets are not on sale now", "Choose another kind. Nothing is held for you yet."
		if p.At.After(now) {
			t, x = "These tickets are not on sale yet", "They can be bought from "+when(p.At, now, e.zone())+". Until then choose another kind."
		}
	case "presale_only":
		t, x = "These tickets take a code", "They are kept for people with a presale code. If you have one, write it below under “I have a code”."
	case "limit_reached":
		t = "Each fan can take " + count(e.Limit, "ticket", "tickets")
		x = "You already have that many."
		if p.Left > 0 {
			x = "You can take " + itoa(p.Left) + " more."
		}
	case "claim_open":
		t, x = "You already hold tickets", "Pay for them or give them back. Then you can go on here."
	case "claim_expired":
		t, x = "Your time to pay has run out", "The tickets went back to the others. No money was taken."
	case "not_admitted":
		t, x = "It is not your turn yet", "Go to your place in the line. The page turns yellow when we call you."
	case "admission_expired":
		t, x = "Your time inside is over", "Go to your place in the line. There you can ask for another turn."
	case "sale_not_joinable":
		t, x = "You cannot join this line now", "The sale is over."
		if !p.At.IsZero() {
			x = "Joining begins " + at(p.At, now, e.zone()) + ". Coming early does not help."
		}
	case "line_full":
		t, x = "The line is full", "More people wait than there are tickets. If places open again, the event page says so."
	case "too_early":
		t, x = "You still have enough time", "You can ask for more in the last 2 minutes."
		if !p.At.IsZero() {
			x = "You can ask for more " + at(p.At, now, e.zone()) + "."
		}
	case "cap_reached":
		t, x = "We cannot keep them any longer", "Others wait for these tickets. Pay before the clock ends."
	case "payment_pending":
		t, x = "A payment is still running", "Your tickets are kept until your bank has answered. Check again in a moment."
	case "attempts_used":
		t, x = "You have used both tries to pay", "Your tickets stay held until the clock ends. Then they go back to the others."
	case "invalid_transition":
		t, x = "The sale cannot do that now", "Its state changed in the meantime. The buttons below show what is possible."
	case "invalid_request":
		t, x = "Something is missing", "Choose a kind of ticket and how many, then send it again."
	case "provider_unavailable":
		t, x = "Paystack does not answer", "No money was taken. Your tickets are still held. Try again in a few seconds."
	case "too_many_requests", "rate_limited":
		t, x = "That was too fast", "Wait a few seconds and try again. Your place is safe."
	case "unavailable", "database_unavailable":
		t, x = "We could not save that", "We are very busy. Nothing was changed. Try again in a few seconds."
	}
	if title == "" {
		title = t
	}
	if text == "" {
		text = x
	}
	return title, text
}
