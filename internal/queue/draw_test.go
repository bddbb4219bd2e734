package queue_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/merkle"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/shuffle"
)

// drawn makes a draw with an open lobby.
func drawn(n *sale.NewSale) {
	lobby := time.Now().Add(-time.Minute)
	n.Terms.Ordering, n.Terms.LobbyOpensAt, n.Terms.OpensAt = sale.Draw, &lobby, time.Now().Add(time.Hour)
}

func (l *line) open() *sale.Snapshot {
	l.t.Helper()
	snap, err := l.queue.Open(l.t.Context(), l.event, l.by)
	if err != nil {
		l.t.Fatal(err)
	}
	return snap
}

func (l *line) advance() *sale.Snapshot {
	l.t.Helper()
	if err := l.queue.Advance(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	return l.snap()
}

// kinds are the ledger's rows about the draw, in order.
func (l *line) kinds() []string {
	l.t.Helper()
	var kinds []string
	if err := l.db.QueryRow(l.t.Context(), `SELECT array_agg(kind ORDER BY id) FROM ledger WHERE event_id = $1
		AND kind IN ('draw_committed', 'draw_frozen', 'draw_rooted', 'beacon_given', 'beacon_waived', 'secret_revealed', 'drawn')`, l.event).Scan(&kinds); err != nil {
		l.t.Fatal(err)
	}
	return kinds
}

// verifies recomputes a draw from the rows as CONTRACT.md says and gives the number of each arrival.
func (l *line) verifies(snap *sale.Snapshot) map[int64]int64 {
	l.t.Helper()
	d := snap.Draw
	if d == nil || d.Secret == nil || d.Root == nil || d.Seed == nil || d.DrawnAt == nil || snap.LobbySize == nil {
		l.t.Fatalf("the draw is %+v, lobby %v", d, snap.LobbySize)
	}
	if sha256.Sum256(d.Secret[:]) != d.Commitment {
		l.t.Error("the secret is not the one committed")
	}
	rows, err := l.db.Query(l.t.Context(), `SELECT id, arrival FROM spots WHERE event_id = $1 ORDER BY arrival`, l.event)
	if err != nil {
		l.t.Fatal(err)
	}
	defer rows.Close()
	var leaves [][32]byte
	all := int64(0)
	for rows.Next() {
		var id uuid.UUID
		var arrival int64
		if err := rows.Scan(&id, &arrival); err != nil {
			l.t.Fatal(err)
		}
		if all++; arrival != all {
			l.t.Fatalf("arrival %d follows %d", arrival, all-1)
		}
		if arrival <= *snap.LobbySize {
			leaves = append(leaves, merkle.LeafHash([]byte(id.String()+":"+fmt.Sprint(arrival))))
		}
	}
	if rows.Err() != nil {
		l.t.Fatal(rows.Err())
	}
	if int64(len(leaves)) != *snap.LobbySize || merkle.Root(leaves) != *d.Root {
		l.t.Errorf("the root of %d leaves is not that of the lobby of %d", len(leaves), *snap.LobbySize)
	}
	n := uint64(len(leaves))
	pre := append(append([]byte{}, d.Secret[:]...), d.Root[:]...)
	for shift := 56; shift >= 0; shift -= 8 {
		pre = append(pre, byte(n>>shift))
	}
	seed := sha256.Sum256(append(pre, d.BeaconValue...))
	if seed != *d.Seed {
		l.t.Error("the seed does not recompute")
	}
	numbers := map[int64]int64{}
	for a := int64(1); a <= all; a++ {
		numbers[a] = a
		if uint64(a) <= n {
			numbers[a] = 1 + int64(shuffle.Index(uint64(a-1), n, seed))
		}
	}
	return numbers
}

func TestADrawGoesThroughItsSteps(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), drawn)
	fans := l.crowd(25)
	d := l.snap().Draw
	if d == nil || d.Commitment == [32]byte{} || d.Secret != nil || d.Root != nil || d.FrozenAt != nil {
		t.Fatalf("in the lobby the draw is %+v", d)
	}
	if v := l.is(fans[3], queue.InLobby); v.Number != nil || v.Ahead != nil {
		t.Errorf("a number before the draw: %+v", v)
	}
	committed := d.Commitment
	snap := l.open()
	if snap.State != sale.Open || snap.Draw.Commitment != committed || *snap.LobbySize != 25 {
		t.Fatalf("%s with a lobby of %v", snap.State, snap.LobbySize)
	}
	late := l.crowd(5)
	numbers := l.verifies(snap)
	byNumber := map[int64]uuid.UUID{}
	for i, fan := range slices.Concat(fans, late) {
		v := l.is(fan, queue.Waiting)
		if want := numbers[int64(i+1)]; v.Number == nil || *v.Number != want || *v.Ahead != want-1 {
			t.Fatalf("arrival %d has number %v, %v ahead; want number %d", v.Arrival, v.Number, v.Ahead, want)
		}
		byNumber[*v.Number] = fan
	}
	if want := slices.Collect(maps.Keys(byNumber)); len(want) != 30 {
		t.Errorf("%d numbers for 30 fans", len(want))
	}
	// Calling follows the numbers.
	l.exec(`UPDATE sales SET max_inside = 4 WHERE event_id = $1`, l.event)
	l.drip()
	for n := int64(1); n <= 30; n++ {
		want := queue.Waiting
		if n <= 4 {
			want = queue.Called
		}
		if v := l.is(byNumber[n], want); n <= 4 && v.Admission == nil {
			t.Errorf("number %d has no admission", n)
		}
	}
	if got, want := l.kinds(), []string{"draw_committed", "draw_frozen", "draw_rooted", "secret_revealed", "drawn"}; !slices.Equal(got, want) {
		t.Errorf("the ledger says %q, want %q", got, want)
	}
	if _, err := l.queue.Open(t.Context(), l.event, l.by); fault.Code(err) != "invalid_transition" {
		t.Errorf("opening again: %v", err)
	}
	l.audited()
}

// Whatever step a process died after, the leader goes on, also long before the sale opens by the clock.
func TestADrawGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	for _, steps := range []int{1, 2} {
		t.Run(fmt.Sprint(steps), func(t *testing.T) {
			t.Parallel()
			l := newLine(t, dbtest.Tx(t), drawn)
			l.crowd(6)
			if err := l.queue.Freeze(t.Context(), l.event); err != nil {
				t.Fatal(err)
			}
			behind := l.crowd(2)
			if steps > 1 {
				if err := l.queue.Root(t.Context(), l.event); err != nil {
					t.Fatal(err)
				}
			}
			snap := l.snap()
			if snap.State != sale.Lobby || snap.Draw.FrozenAt == nil || *snap.LobbySize != 6 || (snap.Draw.Root != nil) != (steps > 1) || snap.Draw.Secret != nil {
				t.Fatalf("after %d steps: %s, %+v", steps, snap.State, snap.Draw)
			}
			l.is(behind[0], queue.InLobby)
			snap = l.advance()
			if snap.State != sale.Open || *snap.LobbySize != 6 {
				t.Fatalf("the leader left it %s with a lobby of %d", snap.State, *snap.LobbySize)
			}
			l.verifies(snap)
			if v := l.is(behind[1], queue.Waiting); *v.Number != 8 {
				t.Errorf("who came after the freeze has number %d, want 8", *v.Number)
			}
			l.advance()
			if got := l.kinds(); len(got) != 5 {
				t.Errorf("steps were taken twice: %q", got)
			}
		})
	}
}

// A draw whose time has come when it is published is held at once, of nobody.
func TestPublishingLateDrawsOfNobody(t *testing.T) {
	t.Parallel()
	conn := dbtest.Tx(t)
	l := newLine(t, conn, func(n *sale.NewSale) { n.Terms.Ordering = sale.Draw })
	snap := l.snap()
	if snap.State != sale.Open || *snap.LobbySize != 0 || *snap.Draw.Root != sha256.Sum256(nil) {
		t.Fatalf("%s, lobby %v, %+v", snap.State, snap.LobbySize, snap.Draw)
	}
	fans := l.crowd(3)
	l.verifies(snap)
	if v := l.is(fans[2], queue.Waiting); *v.Number != 3 {
		t.Errorf("number %d, want 3", *v.Number)
	}
	l.drip()
	l.is(fans[2], queue.Called)

	l = newLine(t, conn, func(n *sale.NewSale) {
		n.Terms.Ordering, n.Terms.BeaconName, n.Terms.BeaconRound = sale.Draw, "Dice", 1
	})
	if snap := l.snap(); snap.State != sale.Lobby || snap.Draw.Root == nil {
		t.Errorf("with a beacon: %s, %+v", snap.State, snap.Draw)
	}
}

// Nobody can be taken out of the numbers by ending: the secret is shown although nothing was drawn.
func TestEndingBeforeTheDrawRevealsTheSecret(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"at once", "by the leader", "while the beacon is awaited", "by the clock"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			l := newLine(t, dbtest.Tx(t), withBeacon)
			fans := l.crowd(3)
			var err error
			switch way {
			case "at once":
				_, err = l.queue.End(t.Context(), l.event, l.by)
			case "by the leader":
				if _, err := l.sales.End(t.Context(), l.event, l.by); err != nil {
					t.Fatal(err)
				}
				l.advance()
			case "while the beacon is awaited":
				l.open()
				_, err = l.queue.End(t.Context(), l.event, l.by)
			case "by the clock":
				l.exec(`UPDATE sales SET lobby_opens_at = now() - interval '3 hours', opens_at = now() - interval '2 hours', closes_at = now() - interval '1 hour' WHERE event_id = $1`, l.event)
				l.advance()
			}
			if err != nil {
				t.Fatal(err)
			}
			snap := l.snap()
			if snap.State != sale.Ended || snap.Draw.Secret == nil || snap.Draw.Seed != nil || snap.Draw.DrawnAt != nil {
				t.Fatalf("%s, %+v", snap.State, snap.Draw)
			}
			if sha256.Sum256(snap.Draw.Secret[:]) != snap.Draw.Commitment {
				t.Error("another secret was revealed")
			}
			if v := l.is(fans[0], queue.Done); v.Number != nil {
				t.Errorf("number %d without a draw", *v.Number)
			}
			l.audited()
			_, err = l.queue.GiveBeacon(t.Context(), l.event, l.by, "late")
			wantCode(t, err, "invalid_transition")
			l.advance()
			if n := l.int(`SELECT count(*) FROM ledger WHERE event_id = $1 AND kind = 'secret_revealed'`, l.event); n != 1 {
				t.Errorf("revealed %d times", n)
			}
		})
	}
}

// An exchanged secret or commitment does not become an order: the sale stays closed.
func TestAnExchangedSecretIsNotDrawn(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"commitment": `UPDATE draws SET commitment = sha256('mine') WHERE event_id = $1`,
		"secret":     `UPDATE draw_secrets SET sealed = sha256('mine') WHERE event_id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t, dbtest.Pool(t), drawn)
			l.crowd(2)
			l.exec(sql, l.event)
			if _, err := l.queue.Open(t.Context(), l.event, l.by); err == nil {
				t.Error("the draw was held")
			}
			if snap := l.snap(); snap.State != sale.Lobby || snap.Draw.Seed != nil || snap.Draw.Secret != nil {
				t.Errorf("%s, %+v", snap.State, snap.Draw)
			}
			// Nor does it keep the sale from being ended.
			if snap, err := l.queue.End(t.Context(), l.event, l.by); err != nil || snap.State != sale.Ended || snap.Draw.Secret != nil {
				t.Errorf("after ending: %+v, %v", snap, err)
			}
		})
	}
}

// Organizers and leaders of two replicas open at once while fans join: one draw, and the lobby is exactly who had come.
func TestManyOpenWhileOthersJoin(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	l := newLine(t, pool, drawn)
	other := newService(t, pool, sale.New(sale.Config{DB: pool}))
	fans := l.fans(dbtest.Size(150, 3000))
	snap := l.snap()
	var wg sync.WaitGroup
	for i, fan := range fans {
		wg.Go(func() {
			s := []*queue.Service{l.queue, other}[i%2]
			if _, _, err := s.Join(t.Context(), snap, fan); err != nil {
				t.Error(err)
			}
		})
		if i == len(fans)/2 {
			for range 4 {
				for _, s := range []*queue.Service{l.queue, other} {
					wg.Go(func() {
						if _, err := s.Open(t.Context(), l.event, l.by); err != nil && fault.Code(err) != "invalid_transition" {
							t.Error(err)
						}
					})
					wg.Go(func() {
						if err := s.Advance(t.Context()); err != nil {
							t.Error(err)
						}
					})
				}
			}
		}
	}
	wg.Wait()
	snap = l.snap()
	if snap.State != sale.Open || snap.Arrivals != int64(len(fans)) {
		t.Fatalf("%s with %d arrivals", snap.State, snap.Arrivals)
	}
	if got, want := l.kinds(), []string{"draw_committed", "draw_frozen", "draw_rooted", "secret_revealed", "drawn"}; !slices.Equal(got, want) {
		t.Errorf("the ledger says %q, want %q", got, want)
	}
	if n := l.int(`SELECT (body->>'lobby_size')::bigint FROM ledger WHERE event_id = $1 AND kind = 'draw_frozen'`, l.event); n != *snap.LobbySize {
		t.Errorf("%d were frozen, the lobby is %d", n, *snap.LobbySize)
	}
	numbers := l.verifies(snap)
	seen := map[int64]bool{}
	for _, fan := range fans {
		v := l.status(fan)
		if v.Number == nil || *v.Number != numbers[v.Arrival] || seen[*v.Number] {
			t.Fatalf("arrival %d has number %v, want %d", v.Arrival, v.Number, numbers[v.Arrival])
		}
		seen[*v.Number] = true
	}
	l.audited()
}

// Who waits is counted by numbers: of those who left, those whose number is still to come.
func TestWaitingIsCountedByNumbers(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), drawn)
	fans := l.crowd(20)
	for _, fan := range fans[:6] {
		if err := l.queue.Leave(t.Context(), l.snap(), fan); err != nil {
			t.Fatal(err)
		}
	}
	l.open()
	l.exec(`UPDATE sales SET max_inside = 5 WHERE event_id = $1`, l.event)
	l.drip()
	waiting := int64(0)
	for _, fan := range fans {
		if l.status(fan).Status == queue.Waiting {
			waiting++
		}
	}
	if waiting != 9 {
		t.Fatalf("%d wait, want 9", waiting)
	}
	l.exec(`UPDATE sales SET max_waiting = $2 WHERE event_id = $1`, l.event, waiting+1)
	more := l.fans(2)
	l.join(more[0])
	_, _, err := l.queue.Join(t.Context(), l.snap(), more[1])
	wantCode(t, err, "line_full")
}

func TestAFifoSaleHasNoDraw(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), nil)
	if l.snap().Draw != nil || l.int(`SELECT count(*) FROM draws`) != 0 {
		t.Error("a fifo sale was committed")
	}
	_, err := l.queue.GiveBeacon(t.Context(), l.event, l.by, "x")
	wantCode(t, err, "invalid_transition")
	_, _, err = l.queue.Leaves(t.Context(), l.snap(), 10, "")
	wantCode(t, err, "not_drawn")
}
