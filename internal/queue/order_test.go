package queue

import (
	"crypto/sha256"
	"testing"

	"pgregory.net/rapid"

	"fairqueue/internal/shuffle"
)

// Numbers are 1 to all, each once, and lead back; with tables and without.
func TestAnOrderIsOneToOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lobby := rapid.Int64Range(0, 400).Draw(t, "lobby")
		late := rapid.Int64Range(0, 50).Draw(t, "late")
		single := order{known: true, lobby: lobby, seed: sha256.Sum256(rapid.SliceOf(rapid.Byte()).Draw(t, "seed"))}
		table := single
		table.tables = &tables{seed: single.seed, number: shuffle.Table(int(lobby), single.seed)}
		table.tables.arrival = shuffle.Invert(table.tables.number)
		seen := map[int64]bool{}
		for a := int64(1); a <= lobby+late; a++ {
			n, known := single.number(a)
			if m, _ := table.number(a); !known || m != n {
				t.Fatalf("arrival %d of %d has number %d (%v), by the table %d", a, lobby, n, known, m)
			}
			if n < 1 || n > lobby+late || seen[n] || a > lobby && n != a {
				t.Fatalf("arrival %d of a lobby of %d has number %d", a, lobby, n)
			}
			seen[n] = true
			if b, c := single.arrival(n), table.arrival(n); b != a || c != a {
				t.Fatalf("number %d leads to arrivals %d and %d, want %d", n, b, c, a)
			}
		}
	})
	if _, known := (order{}).number(1); known {
		t.Error("a number before the draw")
	}
}

// A table serves the order it was made of, and no other.
func TestTablesAreOfOneSeed(t *testing.T) {
	t.Parallel()
	var c orders
	o := order{known: true, lobby: 3, seed: [32]byte{1}}
	event := [16]byte{9}
	c.put(event, &tables{seed: o.seed, number: shuffle.Table(3, o.seed)})
	if c.find(event, o) == nil {
		t.Error("the table is not found")
	}
	other := o
	other.seed[0] = 2
	larger := o
	larger.lobby = 4
	if c.find(event, other) != nil || c.find(event, larger) != nil || c.find([16]byte{8}, o) != nil {
		t.Error("a table of another order was taken")
	}
	for i := range maxOrders + 5 {
		c.put([16]byte{1, byte(i)}, &tables{seed: o.seed, number: shuffle.Table(3, o.seed)})
	}
	if n := len(*c.made.Load()); n != maxOrders || c.find(event, o) != nil {
		t.Errorf("%d tables are kept", n)
	}
}
