package queue_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/keys"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// withCodes lets the line's claims know presale codes.
func (l *line) withCodes() *line {
	l.t.Helper()
	ring, err := keys.New("a secret of the tests, long enough")
	if err != nil {
		l.t.Fatal(err)
	}
	l.claims = claim.New(claim.Config{DB: l.db, Sales: l.sales, Queue: l.queue, Keys: ring})
	return l
}

// presale keeps a tier, and gives some fans its code.
func (l *line) presale(tier int, fans ...uuid.UUID) claim.Presale {
	l.t.Helper()
	snap := l.snap()
	p, codes, err := l.claims.CreatePresale(l.t.Context(), snap, l.by, claim.NewPresale{
		Name: "Fan club", TierID: snap.Tiers[tier].ID, PublicAt: time.Now().Add(time.Hour), Generate: 1, UsesPerCode: 100,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	for _, fan := range fans {
		if _, err := l.claims.Unlock(l.t.Context(), snap, fan, codes[0]); err != nil {
			l.t.Fatal(err)
		}
	}
	return p
}

// called are the fans whose turn it is, by their place in the list.
func (l *line) called(fans []uuid.UUID) (out []int) {
	l.t.Helper()
	for i, fan := range fans {
		if s := l.status(fan).Status; s == queue.Called || s == queue.Inside {
			out = append(out, i+1)
		}
	}
	return out
}

func wantCalled(t *testing.T, got []int, want ...int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("called are %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("called are %v, want %v", got, want)
		}
	}
}

func TestNobodyIsCalledForWhatIsNotOnSale(t *testing.T) {
	t.Parallel()
	later := time.Now().Add(time.Hour)
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) {
		n.Tiers = []sale.NewTier{{Name: "Early", Price: 100, Capacity: 2}, {Name: "Late", Price: 100, Capacity: 100, OpensAt: &later}}
	})
	fans := l.crowd(6)
	l.drip()
	wantCalled(t, l.called(fans), 1, 2)
	l.drip()
	wantCalled(t, l.called(fans), 1, 2)
	if why := queue.SlowOf(&sale.Snapshot{State: sale.Open, Tiers: []sale.Tier{{Later: 3}}}); why != queue.SlowLater {
		t.Errorf("a line that waits for a tier: %q", why)
	}
	// Nobody has to do anything when its time has come.
	l.exec(`UPDATE tiers SET opens_at = now() WHERE event_id = $1 AND name = 'Late'`, l.event)
	l.drip()
	wantCalled(t, l.called(fans), 1, 2, 3, 4, 5, 6)
	l.audited()
}

func TestStockThatIsBlockedOrAddedIsSeenByTheNextStep(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) { n.Tiers[0].Capacity = 3 })
	fans := l.crowd(6)
	which := claim.Which{TierID: l.snap().Tiers[0].ID, Count: 2}
	if err := l.claims.Block(t.Context(), l.snap(), l.by, which); err != nil {
		t.Fatal(err)
	}
	l.drip()
	wantCalled(t, l.called(fans), 1)
	if err := l.claims.Unblock(t.Context(), l.snap(), l.by, which); err != nil {
		t.Fatal(err)
	}
	l.drip()
	wantCalled(t, l.called(fans), 1, 2, 3)
	if err := l.claims.Restock(t.Context(), l.snap(), l.by, which.TierID, 2); err != nil {
		t.Fatal(err)
	}
	l.drip()
	wantCalled(t, l.called(fans), 1, 2, 3, 4, 5)
	l.audited()
}

// While only what takes a code is left, those with a code are called, in their order, and nobody else; this is disclosed,
// and everybody keeps their number.
func TestFansWithACodeAreNotHeldUpByThoseWithout(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) {
		n.Tiers = []sale.NewTier{{Name: "Regular", Price: 100, Capacity: 1}, {Name: "Club", Price: 100, Capacity: 2}}
	}).withCodes()
	fans := l.crowd(8)
	p := l.presale(1, fans[6], fans[4], fans[7])
	l.drip()
	// One for everybody, two for those with a code; the third of them has nothing left.
	wantCalled(t, l.called(fans), 1, 5, 7)
	if s := l.snap(); s.Serving != 1 {
		t.Errorf("serving is %d", s.Serving)
	}
	all, _, err := l.queue.Exceptions(t.Context(), l.snap(), 10, "")
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v %v", all, err)
	}
	for _, x := range all {
		if x.Rule != "presale" || x.Number != 5 && x.Number != 7 {
			t.Errorf("%+v", x)
		}
	}
	l.audited()
	// What they do not take is not offered to those without a code before it is public.
	for _, i := range []int{0, 4, 6} {
		l.endTurn(fans[i], time.Hour)
	}
	l.drip()
	wantCalled(t, l.called(fans), 2, 8)
	if err := l.claims.EndPresale(t.Context(), l.snap(), l.by, p.ID); err != nil {
		t.Fatal(err)
	}
	l.drip()
	wantCalled(t, l.called(fans), 2, 3, 8)
	// 5 and 7 had their turns: they are passed.
	for _, i := range []int{1, 2, 7} {
		l.endTurn(fans[i], time.Hour)
	}
	l.drip()
	wantCalled(t, l.called(fans), 4, 6)
	l.audited()
}

// While there is something for everybody, a code is no reason to be called earlier.
func TestACodeDoesNotOvertake(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) {
		n.Terms.MaxInside = 3
		n.Tiers = []sale.NewTier{{Name: "Regular", Price: 100, Capacity: 50}, {Name: "Club", Price: 100, Capacity: 50}}
	}).withCodes()
	fans := l.crowd(8)
	l.presale(1, fans[7], fans[5])
	l.drip()
	wantCalled(t, l.called(fans), 1, 2, 3)
	l.drip()
	wantCalled(t, l.called(fans), 1, 2, 3)
	l.audited()
}

// Who was called in vain keeps the place also while there is stock for others only.
func TestATurnThatEndsWhileOnlyAPresaleHasStockIsKept(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) {
		n.Tiers = []sale.NewTier{{Name: "Regular", Price: 100, Capacity: 2}, {Name: "Club", Price: 100, Capacity: 2}}
	}).withCodes()
	fans := l.crowd(3)
	p := l.presale(1)
	l.drip()
	wantCalled(t, l.called(fans), 1, 2)
	l.enter(fans[0])
	l.hold(fans[0], 2)
	l.endTurn(fans[1], time.Second)
	l.drip()
	if v := l.is(fans[1], queue.Waiting); !v.Redeems {
		t.Errorf("%+v", v)
	}
	if err := l.claims.EndPresale(t.Context(), l.snap(), l.by, p.ID); err != nil {
		t.Fatal(err)
	}
	l.drip()
	wantCalled(t, l.called(fans), 1, 2, 3)
	l.audited()
}
