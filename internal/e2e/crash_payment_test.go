package e2e_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"fairqueue/internal/account"
)

// bankDoor stands between the product and the provider, and can keep one request there.
type bankDoor struct {
	bank   string
	client *http.Client

	mu sync.Mutex
	// method and path begin like this; empty: everything passes.
	watched string
	// answered: the provider has done its work, and the answer is kept back.
	answered bool
	reached  chan struct{}
}

func (d *bankDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	mine := d.watched != "" && strings.HasPrefix(r.Method+" "+r.URL.Path, d.watched)
	answered, reached := d.answered, d.reached
	if mine {
		d.watched = "" // once
	}
	d.mu.Unlock()
	if mine && !answered {
		close(reached)
		<-r.Context().Done() // until the one who asks is dead
		panic(http.ErrAbortHandler)
	}
	// What has left is done, whoever dies.
	req, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, d.bank+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header = r.Header.Clone()
	res, err := d.client.Do(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	if mine {
		close(reached)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	for k := range res.Header {
		w.Header().Set(k, res.Header.Get(k))
	}
	w.WriteHeader(res.StatusCode)
	_, _ = w.Write(answer)
}

// watch lets the next request that begins so be kept: before it reaches the provider, or with its answer.
func (d *bankDoor) watch(request string, answered bool) (reached <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watched, d.answered, d.reached = request, answered, make(chan struct{})
	return d.reached
}

// wreck is a product that is killed again and again: one show, and a fan inside for each time.
type wreck struct {
	*show
	door    *bankDoor
	fans    []*visitor
	process *process
}

// wreckable starts one.
func wreckable(t *testing.T, fans int) *wreck {
	t.Helper()
	p := prepareProduct(t)
	w := &wreck{door: &bankDoor{bank: p.bankURL, client: p.client}}
	door := httptest.NewServer(w.door)
	t.Cleanup(door.Close)
	p.cfg.PaystackBaseURL = door.URL
	p.startApp()
	w.show = p.newShow(t, "wreck", 100, nil)
	p.asOrganizer()
	if err := p.app.Accounts.CreateFans(t.Context(), fans, func(f account.Fan) error {
		w.fans = append(w.fans, w.called(t, f.Token))
		w.fans[len(w.fans)-1].email = f.Account.Email
		w.fans[len(w.fans)-1].cookie = f.Cookie
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p.stopApp()
	w.start("web", "worker")
	return w
}

func (w *wreck) start(roles ...string) {
	w.cfg.Roles = roles
	w.process = w.startReplica(w.cfg.Addr)
}

// kill is SIGKILL. What a process that comes later would wait for passes at once: leases, the leader of the jobs, and the
// two minutes after which the jobs of the dead are taken over.
func (w *wreck) kill() {
	w.process.kill()
	w.exec(`DELETE FROM river_leader`)
	w.exec(`UPDATE river_job SET attempted_at = attempted_at - interval '5 minutes' WHERE state = 'running'`)
	w.exec(`UPDATE payments SET opening_until = now() - interval '1 second' WHERE opening_until > now()`)
	w.exec(`UPDATE refunds SET requested_at = requested_at - interval '1 minute' WHERE status = 'requested'`)
}

// hurry lets nothing that waits wait any longer.
func (w *wreck) hurry() {
	w.exec(`UPDATE river_job SET scheduled_at = now(), state = 'available' WHERE state IN ('scheduled', 'retryable')`)
	w.exec(`UPDATE payments SET next_check_at = now() WHERE next_check_at > now() AND settled_at IS NULL`)
}

func (w *wreck) back(what string, ok func() bool) {
	w.t.Helper()
	w.until(what, func() bool { w.hurry(); return ok() })
}

// next is a fan who holds a ticket.
func (w *wreck) next(t *testing.T) (v *visitor, claim string) {
	t.Helper()
	v = w.fans[0]
	w.fans = w.fans[1:]
	v.t = t
	return v, v.claim(1)
}

// pay asks for a page without waiting for the answer, which may never come.
func (w *wreck) payUnheard(v *visitor, claim string) (done <-chan struct{}) {
	c := make(chan struct{})
	go func() { // waited for by the caller
		defer close(c)
		req, err := http.NewRequest(http.MethodPost, w.url+"/api/v1/claims/"+claim+"/payments", nil)
		if err != nil {
			return
		}
		req.Header.Set("Authorization", "Bearer "+v.bearer)
		if res, err := w.client.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}()
	return c
}

// of reads one number about a claim's payments.
func (w *wreck) of(claim, what string) int {
	w.t.Helper()
	return w.count(`SELECT count(*) FROM payments WHERE claim_id = $1 AND `+what, claim)
}

func (w *wreck) reference(claim string) (ref string) {
	w.t.Helper()
	if err := w.pool.QueryRow(context.Background(), `SELECT reference FROM payments WHERE claim_id = $1 AND status = 'pending'`, claim).Scan(&ref); err != nil {
		w.t.Fatal(err)
	}
	return ref
}

// atBank counts what the provider has of a claim's payments: transactions that were paid, and refunds.
func (w *wreck) atBank(t *testing.T, claim string) (paid, refunds int) {
	t.Helper()
	rows, err := w.pool.Query(t.Context(), `SELECT reference FROM payments WHERE claim_id = $1`, claim)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var ref string
		if err := rows.Scan(&ref); err != nil {
			t.Fatal(err)
		}
		for _, one := range w.request(t, "GET", w.bankURL+"/_sandbox/transactions?reference="+ref, "", nil, nil).want(200).json["transactions"].([]any) {
			m := one.(map[string]any)
			if m["paid_at"] != nil {
				paid++
			}
			refunds += len(m["refunds"].([]any))
		}
	}
	return paid, refunds
}

// paid wants that the money became the one ticket, once.
func (w *wreck) paid(t *testing.T, v *visitor, claim string) {
	t.Helper()
	w.back("the ticket arrives", func() bool { return len(v.tickets()) == 1 })
	if paid, refunds := w.atBank(t, claim); paid != 1 || refunds != 0 || w.of(claim, `status = 'succeeded'`) != 1 || len(v.tickets()) != 1 {
		t.Errorf("%d payments and %d refunds at the bank, %d here, %d tickets", paid, refunds, w.of(claim, `status = 'succeeded'`), len(v.tickets()))
	}
}

// refunded wants that all of the money went back, once.
func (w *wreck) refunded(t *testing.T, v *visitor, claim string) {
	t.Helper()
	w.back("the money is back", func() bool { return w.of(claim, `status = 'refunded'`) == 1 })
	if paid, refunds := w.atBank(t, claim); paid != 1 || refunds != 1 || len(v.tickets()) != 0 {
		t.Errorf("%d payments and %d refunds at the bank, %d tickets", paid, refunds, len(v.tickets()))
	}
}

// TestKilledAtEveryStep kills a whole process with SIGKILL at each point of internal/payment/doc.go. The way back is the
// ordinary start of the next one.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	points := crashPoints()
	w := wreckable(t, len(points))
	for _, c := range points {
		if !t.Run(c.name, func(t *testing.T) { c.run(t, w) }) {
			break // what it left behind is not what the next one expects
		}
	}
	w.audited(t)
}
