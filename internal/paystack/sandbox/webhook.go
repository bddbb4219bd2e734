package sandbox

import (
	"container/heap"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	webhookTimeout = 30 * time.Second // real time, as in life
	webhookSenders = 16
	logLength      = 10
)

// ladder is how long Paystack waits after each failed try: every 3 minutes for the first 4, then hourly for 72 hours.
func ladder(tries int) (wait time.Duration, again bool) {
	switch {
	case tries <= 4:
		return 3 * time.Minute, true
	case tries <= 4+72:
		return time.Hour, true
	}
	return 0, false
}

// delivery is a webhook that was not taken yet.
type delivery struct {
	ID      int       `json:"id"`
	Event   string    `json:"event"`
	Body    string    `json:"body"`
	At      time.Time `json:"at"`
	Tries   int       `json:"tries,omitempty"`
	Corrupt bool      `json:"corrupt,omitempty"` // damaged on the way, and never seen whole

	inFlight bool
}

// attempt is a try to deliver, for the tester.
type attempt struct {
	Event  string    `json:"event"`
	At     time.Time `json:"at"`
	Status int       `json:"status"` // of the shop's answer; 0: none
}

// enqueue makes a webhook due, and lets the network do to it what a tester set for all. Called under the lock, before save.
func (s *Server) enqueue(t *transaction, event, body string, at time.Time, corrupt bool) {
	switch f := s.faults.now(knobWebhooks, time.Now()); f.value {
	case hookDrop:
		return
	case hookDuplicate:
		s.deliverAt(t, event, body, at, corrupt)
	case hookLate:
		at = at.Add(seconds(f.seconds))
	case hookReorder:
		within := s.pick(fairly, "reorder", t.Reference, strconv.Itoa(t.Sent))
		at = at.Add(seconds(f.seconds) * time.Duration(within) / fairly)
	case hookCorrupt:
		corrupt = true
	}
	s.deliverAt(t, event, body, at, corrupt)
}

// deliverAt makes a webhook due whatever is set for all of them.
func (s *Server) deliverAt(t *transaction, event, body string, at time.Time, corrupt bool) {
	if s.cfg.WebhookURL == "" {
		return
	}
	t.Sent++
	t.Deliveries = append(t.Deliveries, &delivery{ID: t.Sent, Event: event, Body: body, At: at, Corrupt: corrupt})
}

// Sign is the x-paystack-signature of a raw body.
func Sign(secretKey string, body []byte) string {
	mac := hmac.New(sha512.New, []byte(secretKey))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// alarm says that something of a transaction is due at a time. An alarm that is no longer true does no harm.
type alarm struct {
	at time.Time
	t  *transaction
}

type alarms []alarm

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a alarms) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *alarms) Push(x any)        { *a = append(*a, x.(alarm)) }
func (a *alarms) Pop() any {
	old := *a
	x := old[len(old)-1]
	old[len(old)-1] = alarm{}
	*a = old[:len(old)-1]
	return x
}

// alarm sets the clock for what is due next of a transaction. Called under the lock.
func (s *Server) alarm(t *transaction) {
	at := t.nextAlarm()
	if at.IsZero() || (!t.alarmed.IsZero() && !at.Before(t.alarmed)) {
		return
	}
	t.alarmed = at
	heap.Push(&s.alarms, alarm{at, t})
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// deliver does what is due until ctx ends.
func (s *Server) deliver(ctx context.Context) {
	var senders sync.WaitGroup
	defer senders.Wait()
	free := make(chan struct{}, webhookSenders)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		due, next := s.due(time.Now().UTC())
		for _, d := range due {
			select {
			case free <- struct{}{}:
			case <-ctx.Done():
				return
			}
			senders.Go(func() {
				defer func() { <-free }()
				s.send(ctx, d.t, d.delivery)
			})
		}
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
	}
}

type dueDelivery struct {
	t *transaction
	*delivery
}

// due applies what is due and returns the webhooks to send now, and how long until the next alarm.
func (s *Server) due(now time.Time) (out []dueDelivery, next time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.alarms) > 0 && !s.alarms[0].at.After(now) {
		a := heap.Pop(&s.alarms).(alarm)
		t := a.t
		if a.at.Equal(t.alarmed) {
			t.alarmed = time.Time{}
		}
		if s.byRef[t.Reference] != t {
			continue
		}
		if s.advance(t, now) {
			_ = s.save(t) // who asks in between is told the same; the disk may follow
		}
		for _, d := range t.Deliveries {
			if !d.inFlight && !d.At.After(now) {
				d.inFlight = true
				out = append(out, dueDelivery{t, d})
			}
		}
		s.alarm(t)
	}
	next = time.Hour
	if len(s.alarms) > 0 {
		next = max(s.alarms[0].at.Sub(now), time.Millisecond)
	}
	return out, next
}

// send tries once, and notes what came of it.
func (s *Server) send(ctx context.Context, t *transaction, d *delivery) {
	status := s.post(ctx, d)
	s.mu.Lock()
	defer s.mu.Unlock()
	d.inFlight = false
	if status == 0 && ctx.Err() != nil {
		return // stopped in the middle: it stays due, and goes again after the restart
	}
	d.Tries++
	t.Log = append(t.Log, attempt{Event: d.Event, At: time.Now().UTC(), Status: status})
	t.Log = t.Log[max(0, len(t.Log)-logLength):]
	wait, again := ladder(d.Tries)
	if status == http.StatusOK || d.Corrupt || !again {
		t.Deliveries = slices.DeleteFunc(t.Deliveries, func(x *delivery) bool { return x == d })
	} else {
		s.log.Debug("webhook not taken", "event", d.Event, "reference", t.Reference, "status", status, "tries", d.Tries)
		d.At = time.Now().UTC().Add(s.scaled(wait))
	}
	_ = s.save(t) // lost in a crash, it is sent once more, as in life
}

// post returns the status of the shop's answer, 0 for none.
func (s *Server) post(ctx context.Context, d *delivery) int {
	body := d.Body
	if d.Corrupt {
		// One figure differs from what was signed.
		body = strings.Replace(body, `"amount":`, `"amount":1`, 1)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.WebhookURL, strings.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Paystack/2.0 (sandbox)")
	req.Header.Set("X-Paystack-Signature", Sign(s.cfg.SecretKey, []byte(d.Body)))
	res, err := s.client.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	return res.StatusCode
}
