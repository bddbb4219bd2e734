package queue_test

import (
	"context"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/keys"
	"fairqueue/internal/mail"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// A called fan may ask for two more minutes once a turn, and for nothing else.
func TestTwoMoreMinutes(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Terms.MaxInside = 2 })
	stranger := l.fans(1)[0]
	fans := l.crowd(3)
	l.drip()
	more := func(fan uuid.UUID) (queue.View, error) { return l.queue.Extend(t.Context(), l.snap(), fan) }
	for _, who := range []uuid.UUID{stranger, fans[2]} {
		_, err := more(who)
		wantCode(t, err, "not_admitted")
	}
	before := l.is(fans[0], queue.Called)
	if !before.Extendable {
		t.Error("nothing can be asked for at the start of a turn")
	}
	after, err := more(fans[0])
	if err != nil {
		t.Fatal(err)
	}
	if d := after.Admission.ExpiresAt.Sub(before.Admission.ExpiresAt); d != 2*time.Minute || after.Extendable || after.Status != queue.Called {
		t.Errorf("%s longer, asked again: %t, %s", d, after.Extendable, after.Status)
	}
	for _, token := range []string{before.Admission.Token, after.Admission.Token} {
		if _, err := l.queue.CheckToken(token, l.event, fans[0]); err != nil {
			t.Errorf("a token of the turn: %v", err)
		}
	}
	_, err = more(fans[0])
	wantCode(t, err, "cap_reached")
	// The time counts: 90 seconds after the first end they are still called.
	l.exec(`UPDATE spots SET turn_ends_at = turn_ends_at - interval '210 seconds' WHERE event_id = $1 AND status = 'called'`, l.event)
	l.is(fans[0], queue.Called)
	l.is(fans[1], queue.Missed)
	_, err = more(fans[1])
	wantCode(t, err, "admission_expired")
	l.enter(fans[0])
	_, err = more(fans[0])
	wantCode(t, err, "cap_reached")
	// Another turn has its own two minutes.
	l.join(fans[1])
	l.drip()
	if _, err := more(fans[1]); err != nil {
		t.Errorf("in another turn: %v", err)
	}
	if _, err := l.sales.End(t.Context(), l.event, l.by); err != nil {
		t.Fatal(err)
	}
	_, err = more(fans[1])
	wantCode(t, err, "not_admitted")
}

func TestWishesAreKept(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) {
		n.Terms.MaxInside = 1
		n.Tiers = append(n.Tiers, sale.NewTier{Name: "VIP", Price: 5_000_000, Capacity: 10}, sale.NewTier{Name: "Table", Price: 50_000_000, Capacity: 2})
	})
	stranger := l.fans(1)[0]
	fans := l.crowd(2)
	set := func(fan uuid.UUID, w queue.Wish) (queue.Spot, error) {
		return l.queue.SetWish(t.Context(), l.snap(), fan, w)
	}
	_, err := set(stranger, queue.Wish{})
	wantCode(t, err, "not_in_queue")
	for _, tiers := range [][]int{{3}, {-1}, {0, 70_000}} {
		if _, err := set(fans[1], queue.Wish{Tiers: tiers}); err == nil || wantCode(t, err, "invalid_request").Fields[0].Path != "tiers" {
			t.Errorf("tiers %v: %v", tiers, err)
		}
	}
	for _, c := range []struct{ give, want queue.Wish }{
		{queue.Wish{Tiers: []int{2, 0, 2}, Mail: true}, queue.Wish{Tiers: []int{0, 2}, Mail: true}},
		{queue.Wish{Tiers: []int{1}}, queue.Wish{Tiers: []int{1}}},
		{queue.Wish{Mail: true}, queue.Wish{Mail: true}},
		{queue.Wish{}, queue.Wish{}},
	} {
		spot, err := set(fans[1], c.give)
		if err != nil {
			t.Fatal(err)
		}
		known, err := l.queue.SpotOf(t.Context(), l.snap(), fans[1])
		if err != nil {
			t.Fatal(err)
		}
		row := l.status(fans[1])
		for where, got := range map[string]queue.Wish{"answer": spot.Wish, "memory": known.Wish, "row": row.Wish} {
			if !slices.Equal(got.Tiers, c.want.Tiers) || got.Mail != c.want.Mail {
				t.Errorf("%s: wish %+v, want %+v", where, got, c.want)
			}
		}
		if spot.ID != row.SpotID || spot.Arrival != 2 || !spot.JoinedAt.Equal(row.JoinedAt) {
			t.Errorf("spot %+v is not that of %+v", spot, row)
		}
	}
}

// post is a line that writes letters, and the process that sends them.
type post struct {
	*line
	mail *mail.Mailer
	done <-chan *river.Event
}

func newPost(t *testing.T, change func(*sale.NewSale)) *post {
	t.Helper()
	pool := dbtest.Pool(t)
	p := &post{line: newLine(t, pool, change)}
	ring, err := keys.New("a secret of the tests, long enough")
	if err != nil {
		t.Fatal(err)
	}
	workers := river.NewWorkers()
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Workers: workers, Logger: slog.New(slog.DiscardHandler), TestOnly: true, FetchCooldown: time.Millisecond, FetchPollInterval: 20 * time.Millisecond,
		Queues: map[string]river.QueueConfig{mail.QueueNormal: {MaxWorkers: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.mail, err = mail.New(mail.Config{DB: pool, Keys: ring, Jobs: jobs}); err != nil {
		t.Fatal(err)
	}
	p.queue = queue.New(queue.Config{DB: pool, Sales: p.sales, Keys: ring, Issuer: "https://tickets.example", Mail: p.mail, Jobs: jobs})
	closing(t, p.queue)
	p.mail.Register(workers)
	p.queue.Register(workers)
	done, cancel := jobs.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	p.done = done
	t.Cleanup(cancel)
	ctx, stop := context.WithCancel(context.Background())
	if err := jobs.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer stop()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := jobs.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

// ended waits until so many jobs have ended well.
func (p *post) ended(n int) {
	p.t.Helper()
	for range n {
		select {
		case e := <-p.done:
			if e.Kind != river.EventKindJobCompleted {
				p.t.Fatalf("job %s: %+v", e.Job.Kind, e.Job.Errors)
			}
		case <-time.After(20 * time.Second):
			p.t.Fatal("no job ended")
		}
	}
}

func (p *post) letters() []mail.Sent {
	p.t.Helper()
	sent, err := p.mail.Mailbox(p.t.Context(), "", 100)
	if err != nil {
		p.t.Fatal(err)
	}
	return sent
}

func (p *post) wish(fan uuid.UUID, on bool) {
	p.t.Helper()
	if _, err := p.queue.SetWish(p.t.Context(), p.snap(), fan, queue.Wish{Mail: on}); err != nil {
		p.t.Fatal(err)
	}
}

// Whoever asked for a letter gets one when their turn comes, and nobody else does.
func TestYourTurnByMail(t *testing.T) {
	t.Parallel()
	p := newPost(t, func(n *sale.NewSale) { n.Terms.MaxInside = 3 })
	fans := p.crowd(5)
	p.wish(fans[0], true)
	p.wish(fans[1], true)
	p.wish(fans[1], false)
	p.wish(fans[2], true)
	p.wish(fans[4], true)
	p.drip()
	p.ended(3) // one of the step, two letters
	sent := p.letters()
	var to []string
	for _, m := range sent {
		to = append(to, m.To)
		snap := p.snap()
		for _, want := range []string{"Your turn for " + snap.Event.Name, "https://tickets.example/events/" + snap.Event.Slug + "/queue", "(Africa/Lagos)", "two more minutes"} {
			if !strings.Contains(m.Text, want) {
				t.Errorf("%q is missing in\n%s", want, m.Text)
			}
		}
		if m.Subject != "It is your turn: "+snap.Event.Name {
			t.Errorf("subject %q", m.Subject)
		}
	}
	slices.Sort(to)
	want := []string{fans[0].String() + "@example.com", fans[2].String() + "@example.com"}
	slices.Sort(want)
	if !slices.Equal(to, want) {
		t.Errorf("letters to %v, want %v", to, want)
	}
	// A step that calls nobody who asked enqueues nothing.
	if err := p.queue.Leave(t.Context(), p.snap(), fans[1]); err != nil {
		t.Fatal(err)
	}
	p.drip()
	if n := p.int(`SELECT count(*) FROM river_job WHERE kind = 'turn_mail'`); n != 1 {
		t.Errorf("%d jobs for letters, want 1", n)
	}
	// A second turn is a second letter.
	p.endTurn(fans[0], time.Second)
	p.join(fans[0])
	p.drip()
	p.ended(2)
	if n := len(p.letters()); n != 3 {
		t.Errorf("%d letters, want 3", n)
	}
}

// Asking for mail in the lobby of a draw brings the commitment, once.
func TestTheLobbyMailHasTheCommitment(t *testing.T) {
	t.Parallel()
	lobby := func(ordering sale.Ordering) func(n *sale.NewSale) {
		return func(n *sale.NewSale) {
			at := time.Now().Add(-time.Minute)
			n.Terms.LobbyOpensAt, n.Terms.OpensAt, n.Terms.Ordering = &at, time.Now().Add(time.Hour), ordering
		}
	}
	p := newPost(t, lobby(sale.Draw))
	fans := p.crowd(2)
	p.wish(fans[1], false)
	p.wish(fans[1], true)
	p.ended(1)
	p.wish(fans[1], false)
	p.wish(fans[1], true)
	sent := p.letters()
	if n := p.int(`SELECT count(*) FROM river_job`); n != 1 || len(sent) != 1 {
		t.Fatalf("%d jobs, %d letters, want 1", n, len(sent))
	}
	snap := p.snap()
	if snap.Draw == nil {
		t.Fatal("the draw has no commitment")
	}
	for _, want := range []string{hex.EncodeToString(snap.Draw.Commitment[:]), "/events/" + snap.Event.Slug + "/fairness", p.status(fans[1]).SpotID.String(), "arrival 2"} {
		if !strings.Contains(sent[0].Text, want) {
			t.Errorf("%q is missing in\n%s", want, sent[0].Text)
		}
	}
	// The order of a fifo lobby is known: there is nothing to commit to.
	f := newPost(t, lobby(sale.FIFO))
	fan := f.crowd(1)[0]
	f.wish(fan, true)
	if n := f.int(`SELECT count(*) FROM river_job`); n != 0 {
		t.Errorf("%d letters in the lobby of a fifo sale", n)
	}
}
