package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairqueue/internal/money"
)

// The tester's pages: what is broken, the newest transactions, and one of them with all that can be done to it. They say
// nothing that the controls under /_sandbox do not, and do nothing else.

type consoleKnob struct {
	knob
	Now  string
	Set  bool // not as usual
	Free bool // nothing chosen is a choice
}

type consoleRow struct {
	view
	Asked money.Kobo
}

// Last are the webhooks that the list has room for.
func (r consoleRow) Last() []attempt { return r.Log[max(0, len(r.Log)-3):] }

// newest bounds the list on the page.
const newest = 50

func (s *Server) indexPage(w http.ResponseWriter, r *http.Request) {
	now := time.Now().UTC()
	sought := strings.TrimSpace(r.URL.Query().Get("q"))
	rows := []consoleRow{}
	s.mu.Lock()
	total := len(s.order)
	for _, t := range slices.Backward(s.order) {
		if len(rows) == newest {
			break
		}
		if sought != "" && !strings.Contains(t.Reference, sought) && !strings.Contains(t.Email, sought) && !strings.Contains(string(t.Metadata), sought) {
			continue
		}
		if s.advance(t, now) {
			_ = s.save(t) // on its way to the disk
		}
		rows = append(rows, consoleRow{s.describe(t), money.Kobo(t.Requested)})
	}
	s.mu.Unlock()
	present, broken := s.presentFaults(), 0
	all := []consoleKnob{}
	for _, k := range knobs {
		row := consoleKnob{knob: k, Now: present[k.Name], Free: k.Name == knobRefund}
		if row.Now == "" && !row.Free {
			row.Now = k.Values[0]
		}
		if row.Set = row.Now != "" && (row.Free || row.Now != k.Values[0]); row.Set {
			broken++
		}
		all = append(all, row)
	}
	s.render(w, http.StatusOK, "index", nil, map[string]any{"Rows": rows, "Knobs": all, "Broken": broken, "Query": sought, "Total": total,
		"Webhooks": s.cfg.WebhookURL, "SpeedUp": strconv.FormatFloat(s.cfg.SpeedUp, 'f', -1, 64), "Seed": s.cfg.Seed})
}

func (s *Server) indexFaults(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("clear") != "" {
		s.mu.Lock()
		s.faults.set = nil
		s.mu.Unlock()
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	word := func(key string) *string {
		if v := r.PostFormValue(key); v != "" {
			return &v
		}
		return nil
	}
	in := settings{Initialize: word(faultInitialize), Verify: word(faultVerify), Refund: word(faultRefund), Dispute: word(faultDispute),
		RefundOutcome: word(knobRefund), Webhooks: word(knobWebhooks), Fees: word(knobFees),
		ForSeconds: number(r, "for_seconds"), SlowSeconds: number(r, "slow_seconds")}
	if n := number(r, "percent"); n != nil {
		share := *n / 100
		in.Share = &share
	}
	// A refund ends as its card says unless somebody chose otherwise.
	if in.RefundOutcome == nil {
		s.mu.Lock()
		delete(s.faults.set, knobRefund)
		s.mu.Unlock()
	}
	if err := s.setFaults(in); err != nil {
		s.problem(w, err.Error())
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// number is a figure of a form; nil when it was left empty.
func number(r *http.Request, key string) *float64 {
	n, err := strconv.ParseFloat(strings.TrimSpace(r.PostFormValue(key)), 64)
	if err != nil {
		return nil
	}
	return &n
}

// naira is a sum of a form, in kobo; nil when it was left empty.
func naira(r *http.Request, key string) *int64 {
	n := number(r, key)
	if n == nil || !(*n >= 0 && *n <= 1e13) {
		return nil
	}
	kobo := int64(*n*100 + .5)
	return &kobo
}

// problem is a form that could not be taken.
func (s *Server) problem(w http.ResponseWriter, sentence string) {
	s.render(w, http.StatusUnprocessableEntity, "problem", nil, sentence)
}

// consoleEntry is a transaction with all that can be done to it.
type consoleEntry struct {
	consoleRow
	Got        money.Kobo
	FeeOnTop   money.Kobo
	Outcomes   []string
	Hooks      []string
	Endings    []string
	RefundRows []consoleRefund
	Claims     []consoleDispute
	CanDispute bool
}

type consoleRefund struct {
	refundView
	Sum  money.Kobo
	Open bool
}

type consoleDispute struct {
	disputeView
	Sum  money.Kobo
	Open bool
	Due  string
}

func (s *Server) transactionPage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	t := s.byRef[r.PathValue("reference")]
	if t == nil {
		s.mu.Unlock()
		s.render(w, http.StatusNotFound, "missing", nil, nil)
		return
	}
	_ = s.current(t) // on its way to the disk
	e := consoleEntry{consoleRow: consoleRow{s.describe(t), money.Kobo(t.Requested)}, Got: money.Kobo(t.Amount), FeeOnTop: money.Kobo(t.Fee),
		Outcomes: outcomes, Hooks: hooks, Endings: knobNamed(knobRefund).Values, CanDispute: t.PaidAt != nil && t.left() > 0}
	s.mu.Unlock()
	for _, f := range e.view.Refunds {
		e.RefundRows = append(e.RefundRows, consoleRefund{f, money.Kobo(f.Amount), f.Status != "processed" && f.Status != "failed"})
	}
	for _, d := range e.view.Disputes {
		e.Claims = append(e.Claims, consoleDispute{d, money.Kobo(d.Amount), d.Status != disputeResolved, d.DueAt.In(lagos).Format("2 Jan 15:04")})
	}
	s.render(w, http.StatusOK, "transaction", nil, e)
}

// transactionForm does what a button of that page says.
func (s *Server) transactionForm(w http.ResponseWriter, r *http.Request) {
	reference := r.PathValue("reference")
	problem := "choose one of the buttons of the page"
	switch r.PostFormValue("do") {
	case "play":
		in := order{Outcome: r.PostFormValue("outcome"), Webhook: r.PostFormValue("webhook"), Amount: naira(r, "amount")}
		if n := number(r, "after_seconds"); n != nil {
			in.AfterSeconds = *n
		}
		if n := number(r, "after_minutes"); n != nil {
			in.AfterMinutes = *n
		}
		_, problem = s.play(reference, in)
	case "resend":
		problem = s.resend(reference)
	case "refund":
		_, problem = s.endRefund(r.PostFormValue("id"), r.PostFormValue("outcome"), 0)
	case "dispute":
		_, problem = s.openDispute(reference, naira(r, "amount"), "chargeback", disputeDue)
	case "resolve":
		_, problem = s.endDispute(r.PostFormValue("id"), r.PostFormValue("outcome"))
	}
	switch problem {
	case "":
		http.Redirect(w, r, "/transactions/"+url.PathEscape(reference), http.StatusSeeOther)
	case noSuchTransaction:
		s.render(w, http.StatusNotFound, "missing", nil, nil)
	default:
		s.problem(w, problem)
	}
}
