package sandbox

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The states of a transaction that the sandbox uses, in Paystack's words.
const (
	statusAbandoned = "abandoned"
	statusOngoing   = "ongoing"
	statusSuccess   = "success"
	statusFailed    = "failed"
	statusReversed  = "reversed"
)

// What the network may do to the webhook of a success.
const (
	hookSend      = "send"
	hookDrop      = "drop"
	hookDuplicate = "duplicate"
	hookLate      = "late"
	hookCorrupt   = "corrupt"
	hookReorder   = "reorder" // of all webhooks only
)

// transaction is one reference with all that happened to it. Its exported fields are what the journal keeps. All of it
// is read and written under Server.mu.
type transaction struct {
	ID         int64           `json:"id"`
	Reference  string          `json:"reference"`
	AccessCode string          `json:"access_code"`
	Email      string          `json:"email"`
	Requested  int64           `json:"requested"`     // kobo asked for
	Fee        int64           `json:"fee,omitempty"` // kobo that the buyer pays on top, where fees are passed on
	Amount     int64           `json:"amount"`        // kobo that came; what is due unless a tester says otherwise
	Asked      string          `json:"asked"`         // currency asked for
	Currency   string          `json:"currency"`      // currency that came
	Callback   string          `json:"callback,omitempty"`
	Channels   []string        `json:"channels,omitempty"`
	Metadata   json.RawMessage `json:"metadata,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`

	Status   string     `json:"status"`
	Gateway  string     `json:"gateway,omitempty"` // gateway_response
	Channel  string     `json:"channel,omitempty"`
	Card     int        `json:"card,omitempty"` // 1 + index into cards
	Step     string     `json:"step,omitempty"` // what the checkout page asks for next: "", pin, otp
	OpenedAt *time.Time `json:"opened_at,omitempty"`
	PaidAt   *time.Time `json:"paid_at,omitempty"`
	Hook     string     `json:"hook,omitempty"` // the buyer's choice on the page for the success of a card with PIN
	Next     *outcome   `json:"next,omitempty"`
	Refunds  []*refund  `json:"refunds,omitempty"`
	Disputes []*dispute `json:"disputes,omitempty"`

	Deliveries []*delivery `json:"deliveries,omitempty"`
	Sent       int         `json:"sent,omitempty"` // events made so far; numbers deliveries
	Log        []attempt   `json:"log,omitempty"`  // the newest tries to deliver

	alarmed time.Time // the earliest alarm that is set; zero: none
}

// outcome is what a buyer and a network will do.
type outcome struct {
	Status   string        `json:"status"`
	At       time.Time     `json:"at"`
	Amount   int64         `json:"amount"`
	Currency string        `json:"currency"`
	Gateway  string        `json:"gateway,omitempty"`
	Hook     string        `json:"hook"`
	Late     time.Duration `json:"late,omitempty"`
}

// advance applies everything that is due at now and reports whether something changed.
func (s *Server) advance(t *transaction, now time.Time) bool {
	changed := false
	if o := t.Next; o != nil && !o.At.After(now) {
		t.Next = nil
		s.apply(t, *o, now)
		changed = true
	}
	for _, r := range t.Refunds {
		for r.StepAt != nil && !r.StepAt.After(now) {
			s.stepRefund(t, r, now)
			changed = true
		}
	}
	for _, d := range t.Disputes {
		if d.StepAt != nil && !d.StepAt.After(now) {
			s.stepDispute(t, d, now)
			changed = true
		}
	}
	return changed
}

// due is what the buyer is asked to pay.
func (t *transaction) due() int64 { return t.Requested + t.Fee }

// apply makes an outcome true.
func (s *Server) apply(t *transaction, o outcome, now time.Time) {
	t.Status, t.Gateway, t.Step = o.Status, o.Gateway, ""
	t.Amount, t.Currency = o.Amount, o.Currency
	if t.Channel == "" {
		t.Channel = "card"
	}
	if o.Status != statusSuccess {
		t.PaidAt = nil
		if t.Gateway == "" {
			t.Gateway = map[string]string{statusFailed: "Declined", statusAbandoned: "The transaction was not completed", statusOngoing: "Transaction in progress"}[o.Status]
		}
		return
	}
	if t.Card == 0 && t.Channel == "card" {
		t.Card = 1
	}
	if t.Gateway == "" {
		t.Gateway = "Successful"
	}
	t.PaidAt = &now
	body := s.chargeEvent(t)
	switch o.Hook {
	case hookDrop:
	case hookDuplicate:
		s.deliverAt(t, "charge.success", body, now, false)
		s.deliverAt(t, "charge.success", body, now, false)
	case hookLate:
		s.deliverAt(t, "charge.success", body, now.Add(o.Late), false)
	case hookCorrupt:
		s.deliverAt(t, "charge.success", body, now, true)
	default:
		s.enqueue(t, "charge.success", body, now, false)
	}
}

// quiet reports that nothing more will happen by itself, so that the transaction may be forgotten.
func (t *transaction) quiet() bool {
	if t.Status != statusSuccess && t.Status != statusFailed && t.Status != statusReversed {
		return false
	}
	return t.Next == nil && len(t.Deliveries) == 0 &&
		!slices.ContainsFunc(t.Refunds, func(r *refund) bool { return r.StepAt != nil }) &&
		!slices.ContainsFunc(t.Disputes, func(d *dispute) bool { return d.StepAt != nil })
}

// nextAlarm is when something of the transaction is due; zero for never.
func (t *transaction) nextAlarm() time.Time {
	var at time.Time
	sooner := func(x time.Time) {
		if at.IsZero() || x.Before(at) {
			at = x
		}
	}
	if t.Next != nil {
		sooner(t.Next.At)
	}
	for _, r := range t.Refunds {
		if r.StepAt != nil {
			sooner(*r.StepAt)
		}
	}
	for _, d := range t.Disputes {
		if d.StepAt != nil {
			sooner(*d.StepAt)
		}
	}
	for _, d := range t.Deliveries {
		if !d.inFlight {
			sooner(d.At)
		}
	}
	return at
}

// insert adds a transaction to the indexes, and makes room for it. It reports false when nothing may be forgotten.
func (s *Server) insert(t *transaction) bool {
	if len(s.order) >= s.cfg.MaxTransactions {
		i := slices.IndexFunc(s.order, (*transaction).quiet)
		if i < 0 {
			return false
		}
		old := s.order[i]
		s.order = slices.Delete(s.order, i, i+1)
		delete(s.byRef, old.Reference)
		delete(s.byCode, old.AccessCode)
		delete(s.byID, old.ID)
		for _, r := range old.Refunds {
			delete(s.refunds, r.ID)
		}
		for _, d := range old.Disputes {
			delete(s.disputes, d.ID)
		}
	}
	s.order = append(s.order, t)
	s.byRef[t.Reference] = t
	s.byCode[t.AccessCode] = t
	s.byID[t.ID] = t
	for _, r := range t.Refunds {
		s.refunds[r.ID] = t
	}
	for _, d := range t.Disputes {
		s.disputes[d.ID] = t
	}
	return true
}

// save writes the transaction's present state to the journal, sets the alarm for what is due next, and returns what
// waits for the disk. Called under the lock; the wait comes after it.
func (s *Server) save(t *transaction) (wait func() error) {
	s.alarm(t)
	line, err := json.Marshal(t)
	if err != nil {
		return func() error { return err }
	}
	return s.journal.append(line)
}

// scaled is a duration of Paystack's on the sandbox's faster clock.
func (s *Server) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.cfg.SpeedUp)
}

// hash is the seed's word on one thing.
func (s *Server) hash(what ...string) [32]byte {
	return sha256.Sum256([]byte(strconv.FormatInt(s.cfg.Seed, 10) + "\x00" + strings.Join(what, "\x00")))
}

// pick chooses one of n by seed.
func (s *Server) pick(n int, what ...string) int {
	h := s.hash(what...)
	return int(binary.BigEndian.Uint64(h[:8]) % uint64(n))
}

// number makes an id of Paystack's size: above 2³¹, below 2⁵³.
func (s *Server) number(what ...string) int64 {
	h := s.hash(what...)
	return 4_000_000_000 + int64(binary.BigEndian.Uint64(h[:8])%(1<<42))
}

// word makes a lower-case code of up to 40 letters and figures.
func (s *Server) word(n int, what ...string) string {
	h := s.hash(what...)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h[:]))[:n]
}

// fees is what Paystack keeps of a local payment, in kobo: 1.5 % + ₦100, the ₦100 waived below ₦2,500, at most ₦2,000.
func fees(amount int64) int64 {
	fee := (amount*15 + 999) / 1000
	if amount >= 250_000 {
		fee += 10_000
	}
	return min(fee, 200_000)
}

// feeOnTop is what a buyer pays beside the price so that the merchant gets the whole price; 0 where the merchant bears
// the fee. The fee is that of the whole sum, so it is raised until it is.
func (s *Server) feeOnTop(price int64, now time.Time) int64 {
	by := s.faults.now(knobFees, now).value
	if by == feesOfMerchant || (by == "" && !s.cfg.FeesByBuyer) {
		return 0
	}
	fee := int64(0)
	for next := fees(price); next != fee; next = fees(price + fee) {
		fee = next
	}
	return fee
}
