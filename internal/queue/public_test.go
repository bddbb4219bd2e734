package queue_test

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/merkle"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

func TestLeavesAndProofsLeadToTheRoot(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), withBeacon)
	l.crowd(13)
	_, _, err := l.queue.Leaves(t.Context(), l.snap(), 5, "")
	wantCode(t, err, "not_drawn")
	_, err = l.queue.Proof(t.Context(), l.snap(), 1)
	wantCode(t, err, "not_drawn")

	snap := l.open() // the root is public before the beacon is known
	if snap.State != sale.Lobby {
		t.Fatal(snap.State)
	}
	l.crowd(2)
	var leaves [][32]byte
	for cursor, pages := "", 0; ; pages++ {
		page, next, err := l.queue.Leaves(t.Context(), l.snap(), 5, cursor)
		if err != nil || len(page) > 5 || pages > 2 {
			t.Fatalf("page %d has %d leaves, %v", pages, len(page), err)
		}
		leaves = append(leaves, page...)
		if cursor = next; next == "" {
			break
		}
	}
	if len(leaves) != 13 || merkle.Root(leaves) != *snap.Draw.Root {
		t.Errorf("%d leaves lead to another root", len(leaves))
	}
	for a := int64(1); a <= 13; a++ {
		p, err := l.queue.Proof(t.Context(), snap, a)
		if err != nil {
			t.Fatal(err)
		}
		if p.Arrival != a || p.TreeSize != 13 || p.Leaf != leaves[a-1] || p.Root != *snap.Draw.Root || !merkle.Verify(p.Leaf, int(a-1), 13, p.Path, p.Root) {
			t.Errorf("the proof of arrival %d does not hold: %+v", a, p)
		}
	}
	for _, a := range []int64{math.MinInt64, -1, 0, 14, math.MaxInt64} {
		if _, err := l.queue.Proof(t.Context(), snap, a); fault.Code(err) != "not_in_lobby" || fault.From(err).Kind != fault.NotFound {
			t.Errorf("arrival %d: %v", a, err)
		}
	}
}

// Rows that were changed after the root was published do not lead to it, also through a process that has just started.
func TestAProofOfChangedRowsDoesNotHold(t *testing.T) {
	t.Parallel()
	conn := dbtest.Tx(t)
	l := newLine(t, conn, drawn)
	l.crowd(4)
	l.open()
	l.exec(`UPDATE spots SET id = gen_random_uuid() WHERE event_id = $1 AND arrival = 2`, l.event)
	p, err := newService(t, conn, l.sales).Proof(t.Context(), l.snap(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if merkle.Verify(p.Leaf, 2, 4, p.Path, p.Root) {
		t.Error("the proof holds")
	}
}

func TestListsOfStepsAndReturnsGoOn(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { drawn(n); n.Terms.MaxInside = 1 })
	fans := l.crowd(4)
	if err := l.queue.Leave(t.Context(), l.snap(), fans[1]); err != nil {
		t.Fatal(err)
	}
	l.join(fans[1])
	if _, x, err := l.queue.History(t.Context(), l.event, 10); err != nil || len(x) != 1 || x[0].Number != 0 || x[0].Rule != "lobby" {
		t.Errorf("before the draw: %+v, %v", x, err)
	}
	numbers := l.verifies(l.open())
	byNumber := map[int64]uuid.UUID{}
	for i, fan := range fans {
		byNumber[numbers[int64(i+1)]] = fan
	}
	for n := int64(1); n <= 3; n++ {
		l.drip()
		l.is(byNumber[n], queue.Called)
		l.endTurn(byNumber[n], time.Minute)
	}
	l.join(byNumber[2]) // asks again for a missed turn

	var steps []queue.Step
	for cursor := ""; ; {
		page, next, err := l.queue.Admissions(t.Context(), l.snap(), 2, cursor)
		if err != nil || len(page) > 2 || len(steps) > 3 {
			t.Fatalf("%+v, %v", page, err)
		}
		steps = append(steps, page...)
		if cursor = next; next == "" {
			break
		}
	}
	if len(steps) != 3 || steps[0].From != 1 || steps[2].To != 3 {
		t.Errorf("steps %+v", steps)
	}
	one, next, err := l.queue.Exceptions(t.Context(), l.snap(), 1, "")
	if err != nil || len(one) != 1 || one[0].Rule != "lobby" || one[0].Number != numbers[2] {
		t.Errorf("first %+v, want number %d; %v", one, numbers[2], err)
	}
	two, end, err := l.queue.Exceptions(t.Context(), l.snap(), 1, next)
	if err != nil || len(two) != 1 || two[0].Rule != "redeem" || two[0].Number != 2 || end != "" {
		t.Errorf("then %+v, %q, %v", two, end, err)
	}
	if _, x, err := l.queue.History(t.Context(), l.event, 10); err != nil || len(x) != 2 || x[1].Number != numbers[2] {
		t.Errorf("after the draw: %+v, %v", x, err)
	}
	for _, bad := range []string{"garbage", next + "A", strings.ToUpper(next)} {
		_, _, err := l.queue.Exceptions(t.Context(), l.snap(), 1, bad)
		wantCode(t, err, "invalid_request")
	}
	_, _, err = l.queue.Admissions(t.Context(), l.snap(), 1, next)
	wantCode(t, err, "invalid_request") // of another list
	_, _, err = l.queue.Leaves(t.Context(), l.snap(), 1, next)
	wantCode(t, err, "invalid_request")
}

func TestAReceiptSaysWhereAFanStands(t *testing.T) {
	t.Parallel()
	conn := dbtest.Tx(t)
	l := newLine(t, conn, drawn)
	fans := l.crowd(2)
	_, err := l.queue.Receipt(t.Context(), l.snap(), l.fans(1)[0])
	wantCode(t, err, "not_in_queue")
	read := func(l *line, fan uuid.UUID) jwt.MapClaims {
		t.Helper()
		signed, err := l.queue.Receipt(t.Context(), l.snap(), fan)
		if err != nil {
			t.Fatal(err)
		}
		key, kid := l.queue.PublicKey()
		claims := jwt.MapClaims{}
		token, err := jwt.ParseWithClaims(signed, claims, func(*jwt.Token) (any, error) { return key, nil }, jwt.WithValidMethods([]string{"EdDSA"}))
		if err != nil || token.Header["kid"] != kid {
			t.Fatalf("kid %v, %v", token.Header["kid"], err)
		}
		if _, err := l.queue.CheckToken(signed, l.event, fan); fault.Code(err) != "not_admitted" {
			t.Errorf("as an admission: %v", err)
		}
		return claims
	}
	got := read(l, fans[1])
	v := l.is(fans[1], queue.InLobby)
	commitment := l.snap().Draw.Commitment
	for name, want := range map[string]any{
		"iss": "http://localhost:8080", "event": l.event.String(), "spot": v.SpotID.String(), "arrival": 2.0,
		"joined_at": v.JoinedAt.Format(time.RFC3339Nano), "commitment": hex.EncodeToString(commitment[:]),
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if at, err := got.GetIssuedAt(); err != nil || time.Since(at.Time).Abs() > time.Minute || len(got) != 7 {
		t.Errorf("issued at %v, %v; %d claims", at, err, len(got))
	}
	fifo := newLine(t, conn, nil)
	if c, ok := read(fifo, fifo.crowd(1)[0])["commitment"]; !ok || c != nil {
		t.Errorf("without a draw the commitment is %v", c)
	}
}
