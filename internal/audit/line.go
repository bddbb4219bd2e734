package audit

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db/auditdb"
	"fairqueue/internal/ledger"
	"fairqueue/internal/merkle"
)

// line is the rows of an event's line beside what the ledger says about it.
type line struct {
	arrivals, serving       int64
	spots                   []auditdb.SpotsRow // by arrival
	joined, called, returns []auditdb.DecisionsRow
	draw                    draw
}

func readLine(ctx context.Context, tx pgx.Tx, q *auditdb.Queries, event uuid.UUID, now auditdb.MomentRow) (*line, error) {
	l := &line{arrivals: now.Arrivals, serving: now.Serving}
	var err error
	if l.spots, err = q.Spots(ctx, tx, event); err != nil {
		return nil, err
	}
	if l.draw, err = readDraw(ctx, tx, q, event); err != nil {
		return nil, err
	}
	for kind, rows := range map[ledger.Kind]*[]auditdb.DecisionsRow{
		ledger.Joined: &l.joined, ledger.Called: &l.called, ledger.Returned: &l.returns,
	} {
		if *rows, err = q.Decisions(ctx, tx, &event, string(kind)); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// batch is a joined row of the ledger: arrivals From to To, and the root over
// their leaves.
type batch struct {
	id       int64
	From, To int64
	Root     string
}

// noLostSpot recomputes the root of each batch of joins from the spots that are
// there now: a spot that was removed, exchanged, or given to another arrival
// after it was acknowledged changes the root.
func (l *line) noLostSpot() (r Result) {
	batches := make([]batch, 0, len(l.joined))
	for _, row := range l.joined {
		b := batch{id: row.ID}
		if err := json.Unmarshal(row.Body, &b); err != nil || b.From < 1 || b.To < b.From {
			r.violate("ledger row %d is no batch of joins", row.ID)
			continue
		}
		batches = append(batches, b)
	}
	slices.SortFunc(batches, func(a, b batch) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.id, b.id)) })

	spots, next := l.spots, int64(1)
	for _, b := range batches {
		switch {
		case b.From > next:
			r.violate("arrivals %d to %d are in no batch", next, b.From-1)
		case b.From < next:
			r.violate("ledger row %d gives arrivals from %d again", b.id, b.From)
		}
		for len(spots) > 0 && spots[0].Arrival < b.From {
			r.violate("spot %s with arrival %d is in no batch", spots[0].ID, spots[0].Arrival)
			spots = spots[1:]
		}
		// Overlapping batches look at the same spots twice.
		start, _ := slices.BinarySearchFunc(l.spots, b.From, func(s auditdb.SpotsRow, a int64) int { return cmp.Compare(s.Arrival, a) })
		var leaves [][32]byte
		for _, s := range l.spots[start:] {
			if s.Arrival > b.To {
				break
			}
			leaves = append(leaves, merkle.LeafHash([]byte(s.ID.String()+":"+strconv.FormatInt(s.Arrival, 10))))
		}
		for len(spots) > 0 && spots[0].Arrival <= b.To {
			spots = spots[1:]
		}
		r.Checked += int64(len(leaves))
		if want := b.To - b.From + 1; int64(len(leaves)) != want {
			r.violate("arrivals %d to %d were given to %d spots, %d are there", b.From, b.To, want, len(leaves))
		} else if root := merkle.Root(leaves); !strings.EqualFold(b.Root, hex.EncodeToString(root[:])) {
			r.violate("the spots of arrivals %d to %d are not those that were acknowledged: root %x, ledger row %d says %.64s", b.From, b.To, root, b.id, b.Root)
		}
		next = max(next, b.To+1)
	}
	for _, s := range spots {
		r.violate("spot %s with arrival %d is in no batch", s.ID, s.Arrival)
	}
	if next-1 != l.arrivals {
		r.violate("the ledger ends at arrival %d, the line at %d", next-1, l.arrivals)
	}
	return r
}

// step is a called row of the ledger: numbers From to To called for the first
// time (those who had left are passed), and Again who had asked for another turn.
type step struct {
	id       int64
	Step     int64   `json:"step"`
	From     int64   `json:"from_number"`
	To       int64   `json:"to_number"`
	Again    []int64 `json:"again"`
	disclose map[int64]bool
}

// noOvertaking checks that the steps go through the numbers without gap or
// repeat up to serving; that everybody who was called was called by the step
// whose numbers hold theirs, or again by a step that says so; that whoever was
// passed had left or asked for another turn; and that nobody was called again
// more often than they asked, by the ledger's word.
func (l *line) noOvertaking() (r Result) {
	steps := make(map[int64]step, len(l.called))
	again := map[int64]int{}
	last, lastStep := int64(0), int64(-1)
	for _, row := range l.called {
		s := step{id: row.ID}
		if err := json.Unmarshal(row.Body, &s); err != nil {
			r.violate("ledger row %d is no step", row.ID)
			continue
		}
		if s.Step <= lastStep {
			r.violate("step %d comes after step %d", s.Step, lastStep)
		}
		lastStep = max(lastStep, s.Step)
		if s.To >= s.From && s.To > 0 {
			if s.From != last+1 {
				r.violate("step %d calls from number %d, the one before ended at %d", s.Step, s.From, last)
			}
			last = max(last, s.To)
		}
		s.disclose = make(map[int64]bool, len(s.Again))
		for _, n := range s.Again {
			s.disclose[n] = true
			again[n]++
		}
		steps[s.Step] = s
	}
	if last != l.serving {
		r.violate("serving is %d, the steps end at %d", l.serving, last)
	}

	for _, p := range l.spots {
		number := l.draw.number(p.Arrival)
		if p.CalledStep == nil {
			if p.Status == "called" || p.Status == "inside" {
				r.violate("number %d is %s without a step", number, p.Status)
			}
			if number <= l.serving {
				r.Checked++
				if !p.Passable {
					r.violate("number %d was passed, serving is %d", number, l.serving)
				}
			}
			continue
		}
		r.Checked++
		s, ok := steps[*p.CalledStep]
		switch {
		case !ok:
			r.violate("number %d was called by step %d, which is not in the ledger", number, *p.CalledStep)
		case !s.disclose[number] && (number < s.From || number > s.To):
			r.violate("number %d was called by step %d with numbers %d to %d", number, s.Step, s.From, s.To)
		}
	}

	for _, row := range l.returns {
		var asked struct{ Number int64 }
		if err := json.Unmarshal(row.Body, &asked); err != nil {
			r.violate("ledger row %d is no return", row.ID)
			continue
		}
		again[asked.Number]--
	}
	for number, n := range again {
		if n > 0 {
			r.violate("number %d was called again %d times more than it asked", number, n)
		}
	}
	return r
}
