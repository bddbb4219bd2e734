package queue

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"

	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/ledger"
)

// kept is what running presales keep from the line.
type kept struct {
	// inBlocks are units that are counted as sellable, too.
	inBlocks int64
	// covered are fans who take up room and can be served by what they have a code for.
	covered int64
	// gates is what is left in each presale beside what those want; none where nothing is.
	gates map[uuid.UUID]int64
}

func keptBy(rows []queuedb.GatesRow, mean float64) (k kept) {
	for _, g := range rows {
		if g.Block {
			k.inBlocks += g.Units
		}
		covered := min(g.Wanting, int64(float64(g.Units)/mean))
		k.covered += covered
		if left := g.Units - int64(float64(g.Wanting)*mean+0.999); left > 0 {
			if k.gates == nil {
				k.gates = map[uuid.UUID]int64{}
			}
			k.gates[g.ID] = left
		}
	}
	return k
}

// chooseHolders calls fans with a presale code out of turn, because nothing is left for those before them: first those
// who missed a turn, then by number, then those behind everybody. Nobody before them could buy what they are called for.
func (s *Service) chooseHolders(ctx context.Context, st *step, r room) error {
	presales := make([]uuid.UUID, 0, len(r.gates))
	for id := range r.gates {
		presales = append(presales, id)
	}
	rows, err := st.q.CodeHolders(ctx, st.tx, st.event, presales)
	if err != nil || len(rows) == 0 {
		return err
	}
	bought := map[uuid.UUID]bool{}
	if st.head.Several {
		// As in walk: who has bought all they may in another sale of the show wants no turn.
		arrivals := make([]int64, len(rows))
		for i, row := range rows {
			arrivals[i] = row.Arrival
		}
		done, err := st.q.FinishBought(ctx, st.tx, st.event, arrivals)
		if err != nil {
			return err
		}
		for _, p := range done {
			bought[p.ID] = true
			if err := writeFinished(ctx, st.tx, st.event, p.ID); err != nil {
				return err
			}
		}
	}
	type holder struct {
		queuedb.CodeHoldersRow
		class, key, number int64
	}
	holders := make([]holder, 0, len(rows))
	for _, row := range rows {
		number, known := st.order.number(row.Arrival)
		if !known || bought[row.ID] || slices.Contains(st.ids, row.ID) || slices.Contains(st.absent, row.ID) {
			continue
		}
		h := holder{row, 1, number, number}
		switch row.Again {
		case redeem:
			h.class, h.key = 0, row.AgainSeq
		case behind:
			h.class, h.key = 2, row.AgainSeq
		default:
			if number <= st.serving || st.away.has(number) {
				continue
			}
		}
		holders = append(holders, h)
	}
	slices.SortFunc(holders, func(a, b holder) int { return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.key, b.key)) })
	var aside []uuid.UUID
	var bodies []any
	left := r.all - r.public
	for _, h := range holders {
		if left == 0 {
			break
		}
		i := slices.IndexFunc(h.Presales, func(id uuid.UUID) bool { return r.gates[id] > 0 })
		if i < 0 {
			continue
		}
		r.gates[h.Presales[i]]--
		left--
		st.call(h.ID, true)
		st.room++ // of another room
		if h.Again != redeem {
			s.turned(st.event, h.Arrival)
			aside = append(aside, h.ID)
			bodies = append(bodies, map[string]any{"spot": h.ID, "number": h.number, "rule": rulePresale})
		}
	}
	if len(aside) == 0 {
		return nil
	}
	if err := st.q.Aside(ctx, st.tx, aside); err != nil {
		return err
	}
	return ledger.WriteAll(ctx, st.tx, st.event, ledger.Returned, bodies)
}
