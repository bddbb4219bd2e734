package web

import (
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"fairqueue/internal/fault"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
	"fairqueue/views"
)

func eventInfo(s *sale.Snapshot) views.EventInfo {
	e := views.EventInfo{
		ID: s.ID().String(), Show: s.Event.ShowID.String(), Slug: s.Event.Slug, Name: s.Event.Name, Venue: s.Event.Venue,
		Zone: s.Event.Location, StartsAt: s.Event.StartsAt,
		State: views.SaleState(s.State), Since: since(s),
		Draw:    s.Terms.Ordering == sale.Draw,
		OpensAt: s.Terms.OpensAt, ClosesAt: s.Terms.ClosesAt,
		LobbyOpensAt: deref(s.Terms.LobbyOpensAt),
		Limit:        s.Terms.MaxTicketsPerFan,
		Message:      s.Message, MessageAt: deref(s.MessageAt), Cancelled: s.Cancelled(), CancelReason: s.CancelReason,
	}
	// Closed for the draw: no number is known before it, and none is called.
	e.Held = s.Draw != nil && s.Draw.FrozenAt != nil && s.Draw.DrawnAt == nil && s.State != sale.Ended
	return e
}

// since is when the present state of a sale began.
func since(s *sale.Snapshot) time.Time {
	switch s.State {
	case sale.Scheduled:
		return deref(s.PublishedAt)
	case sale.Open:
		return deref(s.OpenedAt)
	case sale.Paused:
		return deref(s.PausedAt)
	case sale.Ended:
		return deref(s.EndedAt)
	}
	return time.Time{}
}

func tierInfos(s *sale.Snapshot) []views.TierInfo { return tiersOf(s, s.Tiers) }

// tiersOf are tiers of a sale, with what is left of them to somebody.
func tiersOf(s *sale.Snapshot, of []sale.Tier) []views.TierInfo {
	tiers := make([]views.TierInfo, len(of))
	for i, t := range of {
		tiers[i] = views.TierInfo{
			ID: t.ID.String(), Ordinal: t.Ordinal, Name: t.Name, Price: t.Price,
			Capacity: t.Capacity, Available: t.Available, Seated: t.Seated,
			SoldOut: t.Unsold() == 0,
		}
		tiers[i].Wait, tiers[i].WaitUntil = waits(s, t)
	}
	return tiers
}

// waits says why nothing of a tier can be had by everybody now although some of it is unsold, and until when; empty where
// something can.
func waits(s *sale.Snapshot, t sale.Tier) (why string, until time.Time) {
	if t.Available > 0 || t.Later == 0 {
		return "", time.Time{}
	}
	now, zone := s.At, s.Event.Location
	switch {
	case t.OpensAt != nil && now.Before(*t.OpensAt):
		return "On sale from " + views.When(*t.OpensAt, now, zone), *t.OpensAt
	case t.ClosesAt != nil && !now.Before(*t.ClosesAt):
		return "No longer on sale", time.Time{}
	case t.PublicAt != nil && now.Before(*t.PublicAt):
		return "With a code only, until " + views.When(*t.PublicAt, now, zone), *t.PublicAt
	}
	return "Not on sale now", time.Time{}
}

func placeInfo(s *sale.Snapshot, v queue.View) views.PlaceInfo {
	return views.PlaceInfo{
		Event: eventInfo(s), Status: views.SpotStatus(v.Status),
		Number: deref(v.Number), Ahead: deref(v.Ahead),
	}
}

// waitingView is the waiting room w of a picture for somebody whose place is v.
func waitingView(w views.WaitingView, s *sale.Snapshot, v queue.View) views.WaitingView {
	w.Status = views.SpotStatus(v.Status)
	w.Number, w.Ahead, w.Arrival, w.Serving = deref(v.Number), deref(v.Ahead), v.Arrival, v.Serving
	if state := views.SaleState(v.State); state != w.Event.State {
		w.Event.State, w.Digest = state, 0
	}
	w.PollAfter, w.Why = v.PollAfter, string(queue.SlowOf(s))
	w.Wants, w.Mail, w.More = v.Wish.Tiers, v.Wish.Mail, v.Extendable
	w.Owned = v.Owned
	if o := queue.OddsOf(s, v); o != nil {
		w.Odds = &views.OddsInfo{Chance: string(o.Chance), Place: o.Place, Left: o.Left, Low: roundly(o.ReachLow), High: roundly(o.ReachHigh)}
	}
	if v.ETA != nil {
		w.HasEta, w.EtaLow, w.EtaHigh = true, v.ETA.Low, v.ETA.High
	}
	switch v.Status {
	case queue.Called, queue.Inside:
		if v.Admission != nil {
			w.Until = v.Admission.ExpiresAt
		}
	case queue.Missed:
		w.Until = deref(v.GraceEndsAt)
	case queue.Waiting:
		w.Again = v.Behind
		w.Next = v.Redeems
	case queue.Left, queue.Done:
		w.Again = v.LimitLeft && s.Joinable()
	case queue.InLobby:
		w.Late = w.Event.Held && s.LobbySize != nil && v.Arrival > *s.LobbySize
		if w.Event.Held && s.LobbySize != nil {
			w.LobbySize = *s.LobbySize
		}
	}
	return w
}

// strangerView is the waiting room of somebody who is not in the line.
func strangerView(s *sale.Snapshot) views.WaitingView {
	w := views.WaitingView{
		Event: eventInfo(s), Tiers: tierInfos(s),
		Serving:   s.Serving,
		Rate:      int(math.Round(s.Rate)),
		Still:     queue.Stuck(s),
		Turn:      seconds(s.Terms.TurnSeconds),
		Visit:     seconds(s.Terms.VisitSeconds),
		Grace:     seconds(s.Terms.GraceSeconds),
		PollAfter: 10 * time.Second,
		Crowd:     s.Arrivals,
		Presale:   s.Presale,
	}
	if s.Draw != nil {
		w.Seal = hex.EncodeToString(s.Draw.Commitment[:])
		w.Beacon = beaconAwaited(s)
	}
	if s.State == sale.Lobby || s.State == sale.Scheduled {
		w.LobbySize = s.Arrivals
	}
	return w
}

// roundly leaves a forecast the figures that can be known, so that it stands still while one reads it.
func roundly(n int64) int64 {
	switch {
	case n >= 2000:
		return (n + 50) / 100 * 100
	case n >= 200:
		return (n + 5) / 10 * 10
	}
	return n
}

// beaconAwaited names what a draw waits for; empty where it waits for nothing.
func beaconAwaited(s *sale.Snapshot) string {
	if s.Terms.BeaconName == "" || s.Draw.BeaconValue != "" || s.Draw.WaivedAt != nil || s.Draw.DrawnAt != nil {
		return ""
	}
	round := s.Draw.BeaconRound
	if round == 0 {
		round = s.Terms.BeaconRound
	}
	return "round " + strconv.FormatInt(round, 10) + " of " + s.Terms.BeaconName
}

func ticketInfo(s *sale.Snapshot, t ticket.Ticket) views.TicketInfo {
	v := views.TicketInfo{
		ID: t.ID.String(), Event: eventInfo(s), Tier: t.Tier, Holder: t.HolderName,
		Status: views.TicketStatus(t.Status), Price: t.Price, Dispute: t.Dispute,
	}
	if t.Seat != nil {
		v.Seat = ticket.Place(t.Tier, t.Seat.Section, t.Seat.Row, t.Seat.Label)
	}
	return v
}

// problem says a refusal on a page. Codes that the pages have words for keep
// theirs, because they know what can be done next; others bring their sentence.
func problem(f *fault.Error) *views.Problem {
	p := &views.Problem{Code: f.Code, Left: number(f.Extra["left"]), At: instant(f.Extra["joinable_at"])}
	if p.At.IsZero() {
		p.At = instant(f.Extra["extend_at"])
	}
	if p.At.IsZero() {
		p.At = instant(f.Extra["opens_at"])
	}
	if !worded[f.Code] {
		p.Text = f.Message
	}
	return p
}

// worded are the codes that the pages have words for.
var worded = map[string]bool{
	"sold_out": true, "not_enough_left": true, "limit_reached": true, "claim_open": true, "claim_expired": true,
	"not_admitted": true, "admission_expired": true, "sale_not_joinable": true, "line_full": true, "too_early": true,
	"seats_taken": true, "orphan_seat": true, "tier_not_on_sale": true, "presale_only": true,
	"cap_reached": true, "payment_pending": true, "attempts_used": true, "invalid_transition": true, "provider_unavailable": true,
}

func number(v any) int {
	switch n := v.(type) {
	case int:
		return n
	case int32:
		return int(n)
	case int64:
		return int(n)
	}
	return 0
}

func instant(v any) time.Time {
	switch t := v.(type) {
	case time.Time:
		return t
	case *time.Time:
		return deref(t)
	case string:
		at, err := time.Parse(time.RFC3339Nano, t)
		if err == nil {
			return at
		}
	}
	return time.Time{}
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
