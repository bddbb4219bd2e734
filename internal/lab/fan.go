package lab

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// fan is one of the crowd.
type fan struct {
	*crowd
	Fan
	rnd   *rand.Rand
	event string // its id
	claim string // what is held or paid for
}

// place is what the server says about the fan's spot.
type place struct {
	Spot struct {
		Status string `json:"status"`
		Number *int64 `json:"number"`
		ETA    *struct {
			Low  int64 `json:"low_seconds"`
			High int64 `json:"high_seconds"`
		} `json:"eta"`
	} `json:"spot"`
	Serving     int64  `json:"serving"`
	SaleState   string `json:"sale_state"`
	PollAfterMS int64  `json:"poll_after_ms"`
	Admission   *struct {
		Token string `json:"token"`
	} `json:"admission"`
}

type event struct {
	ID   string `json:"id"`
	Sale struct {
		State      string `json:"state"`
		MaxTickets int    `json:"max_tickets_per_fan"`
	} `json:"sale"`
	Tiers []tier `json:"tiers"`
}

type tier struct {
	ID        string `json:"id"`
	Available int    `json:"available"`
	Seated    bool   `json:"seated"`
}

// errGone ends a fan's evening.
var errGone = errors.New("gone")

func (f *fan) path(rest string) string { return "/events/" + url.PathEscape(f.cfg.Event) + rest }

func (f *fan) chance(share float64) bool { return f.rnd.Float64() < share }

// live is a fan's evening from arriving to going home.
func (f *fan) live(ctx context.Context) {
	p, err := f.join(ctx)
	if err == nil {
		f.count(func(r *Report) { r.Joined++ })
		err = f.wait(ctx, p)
	}
	if err != nil && !errors.Is(err, errGone) && ctx.Err() == nil {
		f.log.Warn("a fan of the lab gave up", "err", err)
	}
}

// join asks for a place, at the time the server names if it is too early.
func (f *fan) join(ctx context.Context) (place, error) {
	for {
		var p place
		err := f.call(ctx, http.MethodPost, f.path("/queue"), nil, nil, &p)
		refused, ok := errors.AsType[*problem](err)
		if !ok || refused.Code != "sale_not_joinable" || refused.JoinableAt.IsZero() {
			return p, err
		}
		// Not all in the same moment: people look at different clocks.
		if err := pause(ctx, max(time.Until(refused.JoinableAt), 0)+time.Duration(f.rnd.Int64N(int64(3*time.Second)))); err != nil {
			return p, err
		}
	}
}

// wait follows the spot until the fan has what they came for or goes.
func (f *fan) wait(ctx context.Context, p place) error {
	leaves, streams, called := f.chance(f.cfg.Leave), f.chance(f.cfg.Stream), false
	told := promises{joined: time.Now()}
	for polls := 0; ; polls++ {
		switch p.Spot.Status {
		case "left", "done":
			return nil
		case "missed":
			f.count(func(r *Report) { r.Missed++ })
			if err := f.call(ctx, http.MethodPost, f.path("/queue"), nil, nil, &p); err != nil {
				return err
			}
			if p.Spot.Status == "missed" {
				return errGone
			}
			continue
		case "called", "inside":
			if !called {
				called = true
				now := time.Now()
				f.count(func(r *Report) {
					r.Called++
					if kept, ok := told.kept(now); ok {
						r.Promised++
						if kept {
							r.Kept++
						}
					}
				})
			}
			if err := f.turn(ctx, p); err != nil {
				return err
			}
		default:
			if p.SaleState == "ended" || p.SaleState == "sold_out" {
				return nil // they keep their place and go home
			}
			if !called {
				told.hear(p, time.Now())
			}
			if leaves && polls >= 2 {
				return f.leave(ctx)
			}
		}
		if err := f.idle(ctx, p, streams); err != nil {
			return err
		}
		next := place{}
		if err := f.call(ctx, http.MethodGet, f.path("/queue"), nil, nil, &next); err != nil {
			return err
		}
		p = next
	}
}

// idle passes the time until the next look at the place.
func (f *fan) idle(ctx context.Context, p place, streams bool) error {
	if streams && (p.Spot.Status == "waiting" || p.Spot.Status == "lobby") {
		select {
		case f.slots <- struct{}{}:
			defer func() { <-f.slots }()
			if f.listen(ctx, p) {
				return nil
			}
		default: // no connection is free: poll
		}
	}
	return pause(ctx, max(time.Duration(p.PollAfterMS)*time.Millisecond, time.Millisecond))
}

// leave gives the place up.
func (f *fan) leave(ctx context.Context) error {
	err := f.call(ctx, http.MethodDelete, f.path("/queue"), nil, nil, nil)
	if err == nil {
		f.count(func(r *Report) { r.Left++ })
		return errGone
	}
	if is(err, "claim_open") {
		return nil
	}
	return err
}

// turn is what a fan does when called. It returns nil to look at the place again, errGone when all is done.
func (f *fan) turn(ctx context.Context, p place) error {
	if p.Admission == nil {
		return nil
	}
	if err := pause(ctx, f.cfg.Look.draw(f.rnd)); err != nil {
		return err
	}
	if !f.chance(f.cfg.Buy) {
		return f.leave(ctx)
	}
	switch err := f.hold(ctx, p.Admission.Token); {
	case errors.Is(err, errGone):
		return f.leave(ctx)
	case is(err, "not_admitted", "admission_expired", "sale_not_open"):
		return nil // late; the place says what is next
	case err != nil:
		return err
	}
	if f.claim == "" {
		return nil
	}
	return f.pay(ctx)
}

// hold takes tickets of a tier with enough left. Without any left for the crowd the answer is errGone.
func (f *fan) hold(ctx context.Context, admission string) error {
	wish := 0
	for range 10 {
		var e event
		if err := f.call(ctx, http.MethodGet, f.path(""), nil, nil, &e); err != nil {
			return err
		}
		f.event = e.ID
		most := e.Sale.MaxTickets
		if f.cfg.MaxTickets > 0 {
			most = min(most, f.cfg.MaxTickets)
		}
		var open []tier
		for _, t := range e.Tiers {
			if t.Available > f.cfg.Keep {
				open = append(open, t)
			}
		}
		if len(open) == 0 || most < 1 {
			return errGone
		}
		t := open[f.rnd.IntN(len(open))]
		if wish == 0 {
			wish = 1 + f.rnd.IntN(most)
		}
		n := min(wish, t.Available-f.cfg.Keep)
		var c struct {
			ID string `json:"id"`
		}
		wanted, err := f.request(ctx, admission, t, n)
		if err != nil {
			return err
		}
		err = f.call(ctx, http.MethodPost, f.path("/claims"), http.Header{"Admission": {admission}}, wanted, &c)
		p, _ := errors.AsType[*problem](err)
		switch {
		case err == nil:
			f.count(func(r *Report) { r.Claimed++ })
			f.claim = c.ID
			return nil
		case is(err, "claim_open") && p.ClaimID != "":
			f.claim = p.ClaimID
			return nil
		case is(err, "not_enough_left") && p.Left > 0:
			wish = p.Left
		case is(err, "sold_out", "not_enough_left"):
			wish = 1
		case is(err, "seats_taken", "orphan_seat"): // looks again, perhaps elsewhere
		case is(err, "limit_reached"):
			return errGone
		default:
			return err
		}
		if err := pause(ctx, time.Duration(f.rnd.Int64N(int64(time.Second)))); err != nil {
			return err
		}
	}
	return errGone
}

type payment struct {
	Payment struct {
		ID        string `json:"id"`
		Reference string `json:"reference"`
		Status    string `json:"status"`
	} `json:"payment"`
}

// pay pays for what is held, at the second try if the card is declined at first, and looks at the tickets.
func (f *fan) pay(ctx context.Context) error {
	if err := pause(ctx, f.cfg.Pay.draw(f.rnd)); err != nil {
		return err
	}
	abandons, declined := f.chance(f.cfg.Abandon), f.chance(f.cfg.Fail)
	for range 2 {
		var p payment
		err := f.call(ctx, http.MethodPost, "/claims/"+f.claim+"/payments", nil, struct{}{}, &p)
		if is(err, "claim_expired", "attempts_used", "claim_not_found") {
			f.claim = ""
			return nil
		}
		if err != nil {
			return err
		}
		if abandons || (f.cfg.SandboxURL == "" && p.Payment.Status != "succeeded") {
			f.count(func(r *Report) { r.Abandoned++ })
			_ = f.call(ctx, http.MethodDelete, "/claims/"+f.claim, nil, nil, nil) // refused while the provider is asked; it frees itself
			return errGone
		}
		if p.Payment.Status != "succeeded" {
			if err := f.buyer(ctx, p.Payment.Reference, declined); err != nil {
				return err
			}
		}
		switch status, err := f.settled(ctx, p.Payment.ID); {
		case err != nil:
			return err
		case status == "succeeded":
			return f.tickets(ctx)
		case status != "failed" && status != "abandoned":
			return errGone // the money goes back
		}
		f.count(func(r *Report) { r.Declined++ })
		declined = false
	}
	f.claim = ""
	return nil
}

// buyer plays the person at the provider's page.
func (f *fan) buyer(ctx context.Context, reference string, declined bool) error {
	order := map[string]any{"outcome": "success"}
	if declined {
		order["outcome"] = "failed"
	}
	if f.chance(f.cfg.Rough) {
		hooks := []string{"drop", "duplicate", "late", "corrupt"}
		order["webhook"], order["late_seconds"] = hooks[f.rnd.IntN(len(hooks))], 5
	}
	return f.send(ctx, http.MethodPost, f.cfg.SandboxURL+"/_sandbox/transactions/"+url.PathEscape(reference), nil, order, nil)
}

// settled waits until the server knows what became of a payment.
func (f *fan) settled(ctx context.Context, id string) (status string, err error) {
	for {
		var p payment
		if err := f.call(ctx, http.MethodGet, "/payments/"+id, nil, nil, &p); err != nil {
			return "", err
		}
		switch p.Payment.Status {
		case "initializing", "pending":
		default:
			return p.Payment.Status, nil
		}
		if err := pause(ctx, time.Second+time.Duration(f.rnd.Int64N(int64(time.Second)))); err != nil {
			return "", err
		}
	}
}

// tickets looks at what was bought, and goes home.
func (f *fan) tickets(ctx context.Context) error {
	var list struct {
		Tickets []struct {
			EventID string `json:"event_id"`
			Status  string `json:"status"`
		} `json:"tickets"`
	}
	if err := f.call(ctx, http.MethodGet, "/tickets", nil, nil, &list); err != nil {
		return err
	}
	f.count(func(r *Report) {
		r.Paid++
		for _, t := range list.Tickets {
			if t.EventID == f.event && t.Status == "valid" {
				r.Tickets++
			}
		}
	})
	return errGone
}
