package e2e_test

import (
	"context"
	"net/http"
	"testing"
)

type crashPoint struct {
	name string
	run  func(t *testing.T, w *wreck)
}

const (
	initialize = "POST /transaction/initialize"
	verify     = "GET /transaction/verify/"
	refund     = "POST /refund"
)

// crashPoints are the points between the steps of internal/payment/doc.go, in their order.
func crashPoints() []crashPoint {
	return []crashPoint{
		{"1: written down, the provider not asked", func(t *testing.T, w *wreck) { opening(t, w, false) }},
		{"2: opened at the provider, its answer lost", func(t *testing.T, w *wreck) { opening(t, w, true) }},
		{"3: the page is stored, and nobody was sent there", pageStored},
		{"4: before the webhook comes", beforeWebhook},
		{"4: the webhook is stored, and not worked", webhookStored},
		{"5: in the middle of settling", settling},
		{"5: settled, and no mail has left", settled},
		{"6: the reconciler asks", func(t *testing.T, w *wreck) { reconciling(t, w, false) }},
		{"6: the reconciler's answer is lost", func(t *testing.T, w *wreck) { reconciling(t, w, true) }},
		{"refund: owed, and nobody asked for it", refundOwed},
		{"refund: written down as asked for, the provider not reached", func(t *testing.T, w *wreck) { refunding(t, w, false) }},
		{"refund: asked for, the answer lost", func(t *testing.T, w *wreck) { refunding(t, w, true) }},
		{"cancel: in the middle of giving everything back", cancelling}, // the last one: its show is over
	}
}

func opening(t *testing.T, w *wreck, answered bool) {
	v, claim := w.next(t)
	reached := w.door.watch(initialize, answered)
	done := w.payUnheard(v, claim)
	<-reached
	w.kill()
	<-done
	if w.of(claim, `status = 'initializing' AND authorization_url = ''`) != 1 || w.count(`SELECT count(*) FROM claims WHERE id = $1 AND status = 'paying'`, claim) != 1 {
		t.Error("the attempt is not written down before the provider is asked")
	}
	w.start("web", "worker")
	// Nobody comes back: its job opens it.
	w.back("the payment has its page", func() bool { return w.of(claim, `status = 'pending' AND authorization_url <> ''`) == 1 })
	if given := w.of(claim, `status = 'abandoned'`); (given == 1) != answered {
		t.Errorf("%d references were given up", given)
	}
	w.outcome(t, w.reference(claim), map[string]any{"outcome": "success"})
	w.paid(t, v, claim)
}

func pageStored(t *testing.T, w *wreck) {
	v, claim := w.next(t)
	first := v.api(t, "POST", "/claims/"+claim+"/payments", v.bearer, nil).want(http.StatusCreated)
	w.kill()
	w.start("web", "worker")
	again := v.api(t, "POST", "/claims/"+claim+"/payments", v.bearer, nil).want(http.StatusOK)
	if first.str("payment.authorization_url") != again.str("payment.authorization_url") || first.str("payment.reference") != again.str("payment.reference") {
		t.Errorf("another page: %s, then %s", first.body, again.body)
	}
	w.outcome(t, again.str("payment.reference"), map[string]any{"outcome": "success"})
	w.paid(t, v, claim)
}

func beforeWebhook(t *testing.T, w *wreck) {
	v, claim := w.next(t)
	_, reference := v.pay(claim)
	w.kill()
	w.exec(`UPDATE payments SET next_check_at = now() + interval '1 hour' WHERE claim_id = $1`, claim)
	w.outcome(t, reference, map[string]any{"outcome": "success"}) // nobody is there, so that it is sent again
	w.start("web", "worker")
	w.until("the ticket arrives", func() bool { return len(v.tickets()) == 1 })
	w.paid(t, v, claim)
}

func webhookStored(t *testing.T, w *wreck) {
	v, claim := w.next(t)
	_, reference := v.pay(claim)
	w.kill()
	w.start("web") // takes the webhook, and works no job
	w.outcome(t, reference, map[string]any{"outcome": "success"})
	stored := `SELECT count(*) FROM webhooks WHERE reference = $1`
	w.until("the webhook is stored", func() bool { return w.count(stored, reference) == 1 })
	w.kill()
	if w.count(stored+` AND processed_at IS NULL`, reference) != 1 || w.of(claim, `status = 'pending'`) != 1 {
		t.Error("the webhook was worked by nobody")
	}
	w.exec(`UPDATE payments SET next_check_at = now() + interval '1 hour' WHERE claim_id = $1`, claim)
	w.start("web", "worker")
	w.until("the webhook is worked", func() bool { return w.count(stored+` AND outcome = 'acted on'`, reference) == 1 })
	w.paid(t, v, claim)
}

func settling(t *testing.T, w *wreck) {
	v, claim := w.next(t)
	_, reference := v.pay(claim)
	// Whoever settles has sold the place when it comes to the tickets, and stays there.
	tx, err := w.pool.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), `LOCK TABLE tickets IN SHARE MODE`)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.outcome(t, reference, map[string]any{"outcome": "success"})
	w.until("somebody is settling", func() bool {
		return w.count(`SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tickets'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`) > 0
	})
	w.kill()
	if err := tx.Rollback(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	w.until("the database has noticed", func() bool {
		return w.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fairqueue'`) == 0
	})
	if w.of(claim, `status = 'pending' AND received_kobo IS NULL`) != 1 || w.count(`SELECT count(*) FROM units WHERE claim_id = $1 AND state = 'paying'`, claim) != 1 ||
		w.count(`SELECT count(*) FROM tickets WHERE claim_id = $1`, claim) != 0 {
		t.Error("half of it happened")
	}
	w.start("web", "worker")
	w.paid(t, v, claim)
}

func settled(t *testing.T, w *wreck) {
	v, claim := w.next(t)
	_, reference := v.pay(claim)
	w.kill()
	w.start("web") // the buyer's return settles, and nobody sends mail
	w.outcome(t, reference, map[string]any{"outcome": "success", "webhook": "drop"})
	w.request(t, "GET", w.url+"/checkout/"+claim+"/return", "", nil, map[string]string{"Cookie": "fq_session=" + v.cookie})
	w.until("it is settled", func() bool { return w.of(claim, `status = 'succeeded'`) == 1 })
	w.kill()
	letters := `SELECT count(*) FROM mailbox WHERE recipient = $1`
	if w.count(letters, v.email) != 0 {
		t.Error("a process without workers has sent a mail")
	}
	w.start("web", "worker")
	w.back("the mail arrives", func() bool { return w.count(letters, v.email) == 1 })
	w.paid(t, v, claim)
}

func reconciling(t *testing.T, w *wreck, answered bool) {
	v, claim := w.next(t)
	_, reference := v.pay(claim)
	w.outcome(t, reference, map[string]any{"outcome": "success", "webhook": "drop"})
	reached := w.door.watch(verify+reference, answered)
	w.back("the reconciler asks", func() bool {
		select {
		case <-reached:
			return true
		default:
			return false
		}
	})
	w.kill()
	if w.of(claim, `status = 'pending'`) != 1 {
		t.Error("settled without an answer")
	}
	w.start("web", "worker")
	w.paid(t, v, claim)
}

func refundOwed(t *testing.T, w *wreck) {
	v, claim := w.next(t)
	_, reference := v.pay(claim)
	w.kill()
	w.start("web")
	w.outcome(t, reference, map[string]any{"outcome": "success", "amount": 1000, "webhook": "drop"})
	w.request(t, "GET", w.url+"/checkout/"+claim+"/return", "", nil, map[string]string{"Cookie": "fq_session=" + v.cookie})
	w.until("it is owed", func() bool { return w.of(claim, `status = 'refund_due'`) == 1 })
	w.kill()
	if _, refunds := w.atBank(t, claim); refunds != 0 {
		t.Error("a process without workers has asked for a refund")
	}
	w.start("web", "worker")
	w.refunded(t, v, claim)
}

func refunding(t *testing.T, w *wreck, answered bool) {
	v, claim := w.next(t)
	_, reference := v.pay(claim)
	reached := w.door.watch(refund, answered)
	w.outcome(t, reference, map[string]any{"outcome": "success", "amount": 1000})
	<-reached
	if w.count(`SELECT count(*) FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.claim_id = $1 AND r.status = 'requested'`, claim) != 1 {
		t.Error("the refund is not written down before it is asked for")
	}
	w.kill()
	w.start("web", "worker")
	w.refunded(t, v, claim)
}

// cancelling: no ticket of a cancelled event opens a door, whoever dies; and the next process goes on at once, without
// waiting until the jobs of the dead are taken over.
func cancelling(t *testing.T, w *wreck) {
	v, claim := w.next(t)
	_, reference := v.pay(claim)
	w.outcome(t, reference, map[string]any{"outcome": "success"})
	w.paid(t, v, claim)
	good := `SELECT count(*) FROM payments WHERE status = 'succeeded'`
	orders := w.count(good)
	// The job comes to this order, and stays there.
	tx, err := w.pool.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), `SELECT FROM payments WHERE claim_id = $1 FOR UPDATE`, claim)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.api(t, "POST", "/organizer/events/"+w.id+"/cancel", w.organizer, nil).want(http.StatusAccepted)
	w.until("the job has begun", func() bool { return w.count(good) == 1 })
	w.process.kill()
	if err := tx.Rollback(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	w.exec(`UPDATE river_job SET attempted_at = now() + interval '1 hour' WHERE state = 'running'`)
	w.start("web") // works no job
	if w.count(good) != 1 || len(v.tickets()) != 0 {
		t.Errorf("%d of %d orders are left, %d tickets are good", w.count(good), orders, len(v.tickets()))
	}
	w.process.kill()
	w.start("web", "worker")
	w.until("the work goes on", func() bool { return w.count(good) == 0 })
	w.exec(`DELETE FROM river_leader`)
	w.exec(`UPDATE river_job SET attempted_at = now() - interval '5 minutes' WHERE state = 'running'`)
	w.refunded(t, v, claim)
}
