package sandbox

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairqueue/internal/money"
)

//go:embed checkout.html
var checkoutHTML string

//go:embed checkout.css
var checkoutCSS []byte

//go:embed console.html
var consoleHTML string

var pages = template.Must(template.New("pages").Funcs(template.FuncMap{"inc": func(i int) int { return i + 1 }}).Parse(checkoutHTML + consoleHTML))

const (
	// transferTakes is how long the bank takes after the buyer says the money is sent.
	transferTakes = 3 * time.Second
	// transferLives is how long the account number for a transfer is good.
	transferLives = 30 * time.Minute
)

// checkout is what the page shows.
type checkout struct {
	Merchant, Email, Code, Reference string
	Amount                           money.Kobo // with the fee, where the buyer bears it
	Price, Fee                       money.Kobo
	State                            string // pay, pin, otp, wait, rejected, paid
	Pay                              string // card, transfer, ussd
	Channels                         []channel
	Problem                          string // what to do about the last try
	Back                             string // where the shop is
	Failed                           bool
	Cards                            []card
	Number, Expiry, CVV              string // what the card form is filled with
	PINHint, OTPHint                 string
	Account, Bank, USSD              string
	Until                            string // clock time in Lagos until which the account number lives
}

type channel struct {
	Name, Label string
	Current     bool
}

// channelNames maps Paystack's channels to those of the page.
var channelNames = []struct{ api, name, label string }{
	{"card", "card", "Card"}, {"bank_transfer", "transfer", "Bank transfer"}, {"ussd", "ussd", "USSD"},
}

// channels are what the shop offered; all of ours if it named none that we know.
func (t *transaction) channels(current string) (out []channel, chosen string) {
	for _, all := range []bool{false, true} {
		for _, c := range channelNames {
			if all || slices.Contains(t.Channels, c.api) {
				out = append(out, channel{Name: c.name, Label: c.label})
			}
		}
		if len(out) > 0 {
			break
		}
	}
	at := max(0, slices.IndexFunc(out, func(c channel) bool { return c.Name == current }))
	out[at].Current = true
	return out, out[at].Name
}

// back is where the buyer goes after paying: callback_url?trxref=REF&reference=REF; empty when the shop named none.
func (t *transaction) back() string { return withReference(t.Callback, t.Reference) }

// cancelled is where a buyer goes who gives up: cancel_action of the metadata, else back.
func (t *transaction) cancelled() string {
	if u := safeURL(t.member("cancel_action")); u != "" {
		return u
	}
	return t.back()
}

func withReference(raw, reference string) string {
	u, err := url.Parse(raw)
	if err != nil || raw == "" {
		return ""
	}
	pair := "trxref=" + url.QueryEscape(reference) + "&reference=" + url.QueryEscape(reference)
	if u.RawQuery != "" {
		pair = u.RawQuery + "&" + pair
	}
	u.RawQuery = pair
	return u.String()
}

// lagos is where the banks of this page are; West Africa has one time all year.
var lagos = time.FixedZone("WAT", 3600)

func serveCSS(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(checkoutCSS)
}

// page finds the transaction of the address, brought up to now and locked; the caller unlocks. Without one it answers.
func (s *Server) page(w http.ResponseWriter, r *http.Request) (*transaction, time.Time) {
	s.mu.Lock()
	t := s.byCode[r.PathValue("code")]
	if t == nil {
		s.mu.Unlock()
		s.render(w, http.StatusNotFound, "missing", nil, nil)
		return nil, time.Time{}
	}
	now := time.Now().UTC()
	if s.advance(t, now) {
		_ = s.save(t) // on its way to the disk
	}
	return t, now
}

func (s *Server) checkoutPage(w http.ResponseWriter, r *http.Request) {
	t, now := s.page(w, r)
	if t == nil {
		return
	}
	if t.OpenedAt == nil {
		t.OpenedAt = &now
		_ = s.save(t) // on its way to the disk
	}
	c := s.look(t, r.URL.Query().Get("pay"))
	s.mu.Unlock()
	if n := positive(r.URL.Query(), "card", 0, len(cards)); n > 0 {
		c.Number, c.CVV, c.Expiry = cards[n-1].Spaced(), cards[n-1].CVV, "12/"+strconv.Itoa((now.Year()+4)%100)
	}
	s.showCheckout(w, http.StatusOK, t, c)
}

// look is the page of a transaction. Called under the lock.
func (s *Server) look(t *transaction, pay string) checkout {
	c := checkout{Merchant: s.cfg.Merchant, Email: t.Email, Code: t.AccessCode, Reference: t.Reference, Amount: money.Kobo(t.due()), Price: money.Kobo(t.Requested), Fee: money.Kobo(t.Fee),
		State: "pay", Back: t.back(), Cards: cards, Bank: "Sandbox Bank",
		Account: strconv.FormatInt(9_000_000_000+int64(s.pick(999_999_999, "account", t.Reference)), 10),
		USSD:    "*737*33*4*" + strconv.Itoa(1000+s.pick(9000, "ussd", t.Reference)) + "#"}
	c.Channels, c.Pay = t.channels(pay)
	if t.OpenedAt != nil {
		c.Until = t.OpenedAt.Add(transferLives).In(lagos).Format("15:04")
	}
	switch {
	case t.Status == statusSuccess || t.Status == statusReversed:
		c.State = "paid"
	case t.Next != nil && t.Next.Status == statusSuccess && t.Status == statusOngoing, t.Status == statusOngoing && t.Step == "":
		c.State = "wait"
	case t.Step != "":
		c.State = t.Step
		c.PINHint, c.OTPHint = cards[t.Card-1].PIN, cards[t.Card-1].OTP
	case t.Status == statusFailed:
		c.Failed = true
		c.Problem = t.Gateway + ". No money was taken. Try another card, or go back to the shop."
	}
	return c
}

// wish is what a tester sets on the page about the network.
type wish struct {
	hook   string
	after  time.Duration
	amount *int64 // kobo that arrive; nil: all of it
}

func (s *Server) wish(r *http.Request) wish {
	w := wish{hook: r.PostFormValue("webhook"), amount: naira(r, "amount")}
	if !slices.Contains(hooks, w.hook) {
		w.hook = hookSend
	}
	if n := number(r, "after_seconds"); n != nil && *n >= 0 && *n <= longest {
		w.after = seconds(*n)
	}
	if n := number(r, "after_minutes"); n != nil && *n >= 0 && *n <= longest/60 {
		w.after += s.scaled(seconds(60 * *n))
	}
	return w
}

// open finds the transaction of a form, unless there is nothing left to do: then the buyer is sent on. So a double click
// and the back button pay once.
func (s *Server) open(w http.ResponseWriter, r *http.Request) (*transaction, time.Time) {
	t, now := s.page(w, r)
	if t == nil {
		return nil, now
	}
	if t.Status == statusSuccess || t.Status == statusReversed {
		s.mu.Unlock()
		s.leave(w, r, t, t.back())
		return nil, now
	}
	return t, now
}

// leave sends the buyer to the shop, or to this page's end when the shop named no address.
func (s *Server) leave(w http.ResponseWriter, r *http.Request, t *transaction, to string) {
	if to == "" {
		to = "/checkout/" + t.AccessCode
	}
	s.guard(w, t)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *Server) checkoutCard(w http.ResponseWriter, r *http.Request) {
	wish := s.wish(r)
	number, cvv, expiry := r.PostFormValue("number"), figures(r.PostFormValue("cvv")), figures(r.PostFormValue("expiry"))
	t, now := s.open(w, r)
	if t == nil {
		return
	}
	n := cardNumbered(number)
	problem := ""
	switch {
	case n == 0:
		problem = "This is not one of the test cards. Take one from the list below: a real card must never be typed here."
	case cards[n-1].CVV != cvv:
		problem = "The CVV is wrong. The list below has it."
	case len(expiry) != 4 && len(expiry) != 6:
		problem = "Write the expiry date as MM/YY, for example 12/30."
	}
	if problem != "" {
		c := s.look(t, "card")
		c.State, c.Problem, c.Number, c.CVV, c.Expiry = "pay", problem, number, cvv, r.PostFormValue("expiry")
		s.mu.Unlock()
		s.showCheckout(w, http.StatusUnprocessableEntity, t, c)
		return
	}
	t.Card, t.Channel, t.Hook = n, "card", wish.hook
	switch c := cards[n-1]; {
	case c.PIN != "":
		t.Status, t.Gateway, t.Step, t.Next = statusOngoing, "PIN required", "pin", nil
		s.finish(w, r, t)
	case c.Declined != "":
		s.schedule(t, outcome{Status: statusFailed, At: now, Amount: t.due(), Currency: t.Asked, Gateway: c.Declined}, now)
		s.finish(w, r, t)
	default:
		s.succeed(t, now, wish)
		s.finish(w, r, t)
	}
}

// succeed makes the payment come through, at once or later. Called under the lock, before finish.
func (s *Server) succeed(t *transaction, now time.Time, w wish) {
	if w.after > 0 {
		t.Status, t.Gateway, t.Step = statusOngoing, "Transaction in progress", ""
	}
	o := outcome{Status: statusSuccess, At: now.Add(w.after), Amount: t.due(), Currency: t.Asked, Hook: w.hook, Late: seconds(lateByDefault)}
	if w.amount != nil {
		o.Amount = *w.amount
	}
	s.schedule(t, o, now)
}

// finish keeps what the form did, unlocks, and sends the buyer on: to the shop when paid, else to the page.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, t *transaction) {
	wait := s.save(t)
	to := ""
	if t.Status == statusSuccess {
		to = t.back()
	}
	s.mu.Unlock()
	if err := wait(); err != nil {
		s.broken(w, err)
		return
	}
	s.leave(w, r, t, to)
}

func (s *Server) checkoutPIN(w http.ResponseWriter, r *http.Request) {
	pin := figures(r.PostFormValue("pin"))
	t, now := s.open(w, r)
	if t == nil {
		return
	}
	if t.Step != "pin" {
		s.finish(w, r, t)
		return
	}
	c := cards[t.Card-1]
	switch {
	case pin != c.PIN:
		s.again(w, t, "The PIN is wrong. Try again.")
	case c.OTP != "":
		t.Step, t.Gateway = "otp", "OTP required"
		s.finish(w, r, t)
	default:
		s.succeed(t, now, wish{hook: t.Hook})
		s.finish(w, r, t)
	}
}

func (s *Server) checkoutOTP(w http.ResponseWriter, r *http.Request) {
	code := figures(r.PostFormValue("otp"))
	t, now := s.open(w, r)
	if t == nil {
		return
	}
	switch {
	case t.Step != "otp":
		s.finish(w, r, t)
	case code != cards[t.Card-1].OTP:
		s.again(w, t, "The code is wrong. Try again.")
	default:
		s.succeed(t, now, wish{hook: t.Hook})
		s.finish(w, r, t)
	}
}

// again shows the same step with a problem, and unlocks.
func (s *Server) again(w http.ResponseWriter, t *transaction, problem string) {
	look := s.look(t, "card")
	look.Problem = problem
	s.mu.Unlock()
	s.showCheckout(w, http.StatusUnprocessableEntity, t, look)
}

// checkoutSent is "I have sent the money" and "I have dialled the code".
func (s *Server) checkoutSent(w http.ResponseWriter, r *http.Request) {
	wish := s.wish(r)
	pay := r.PostFormValue("pay")
	t, now := s.open(w, r)
	if t == nil {
		return
	}
	names, _ := t.channels(pay)
	if !slices.ContainsFunc(names, func(c channel) bool { return c.Name == pay }) || pay == "card" {
		s.again(w, t, "Choose one of the ways to pay on this page.")
		return
	}
	if t.Status == statusOngoing && t.Next != nil {
		s.finish(w, r, t) // said so already
		return
	}
	if pay == "transfer" && t.OpenedAt != nil && now.After(t.OpenedAt.Add(transferLives)) {
		// Paystack sends back by itself what arrives after the account number's time.
		s.enqueue(t, "bank.transfer.rejected", s.rejectedEvent(t, t.due()), now, false)
		_ = s.save(t) // on its way to the disk
		look := s.look(t, pay)
		look.Problem = "This account number is no longer good; the bank returns what was sent. Go back to the shop and start again."
		s.mu.Unlock()
		s.showCheckout(w, http.StatusUnprocessableEntity, t, look)
		return
	}
	t.Card = 0
	t.Channel = map[string]string{"transfer": "bank_transfer", "ussd": "ussd"}[pay]
	if pay == "transfer" && wish.amount != nil && *wish.amount != t.due() {
		// Wrong sums never reach the merchant: Paystack sends them back itself, and says so without a reference.
		s.enqueue(t, "bank.transfer.rejected", s.rejectedEvent(t, *wish.amount), now, false)
		_ = s.save(t) // on its way to the disk
		look := s.look(t, pay)
		look.State = "rejected"
		s.mu.Unlock()
		s.showCheckout(w, http.StatusUnprocessableEntity, t, look)
		return
	}
	wish.after += transferTakes
	s.succeed(t, now, wish)
	s.finish(w, r, t)
}

func (s *Server) checkoutCancel(w http.ResponseWriter, r *http.Request) {
	t, _ := s.open(w, r)
	if t == nil {
		return
	}
	if t.Status != statusFailed && (t.Next == nil || t.Next.Status != statusSuccess) {
		// Money that is on its way comes all the same, and what failed has failed; everything else ends here.
		t.Status, t.Gateway, t.Step, t.Next = statusAbandoned, "The transaction was not completed", "", nil
	}
	wait := s.save(t)
	to := t.cancelled()
	s.mu.Unlock()
	if err := wait(); err != nil {
		s.broken(w, err)
		return
	}
	s.leave(w, r, t, to)
}

// guard sets the headers of a page. A form may end at the shop: browsers apply form-action to redirects too.
func (s *Server) guard(w http.ResponseWriter, t *transaction) {
	actions := []string{"'self'"}
	if t != nil {
		for _, raw := range []string{t.back(), t.cancelled()} {
			if u, err := url.Parse(raw); err == nil && u.Host != "" && !strings.ContainsAny(u.Host, " ;,'") {
				actions = append(actions, u.Scheme+"://"+u.Host)
			}
		}
	}
	slices.Sort(actions)
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action "+
		strings.Join(slices.Compact(actions), " "))
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

func (s *Server) showCheckout(w http.ResponseWriter, status int, t *transaction, c checkout) {
	s.render(w, status, "checkout", t, c)
}

func (s *Server) render(w http.ResponseWriter, status int, name string, t *transaction, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		s.log.Error("render", "page", name, "error", err)
		http.Error(w, "This page could not be made.", http.StatusInternalServerError)
		return
	}
	s.guard(w, t)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
