package queue

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/merkle"
	"fairqueue/internal/sale"
)

const (
	maxBatch = 512
	// maxBacklog bounds who waits before a batcher: about a second of joins.
	maxBacklog   = 16 * 1024
	batchTimeout = 15 * time.Second
)

// Join makes or finds the account's spot; it answers only after COMMIT. created is true the first time. On a spot
// that is missed, left or done it asks for another turn as CONTRACT.md says. 409 sale_not_joinable (with joinable_at),
// line_full; 503 not_durable.
func (s *Service) Join(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (v View, created bool, err error) {
	// Ids in order of time meet the same pages of the index.
	id, err := uuid.NewV7()
	if err != nil {
		return View{}, false, err
	}
	m := &member{account: account, id: id, done: make(chan outcome, 1)}
	if err := s.enqueue(event.ID(), m); err != nil {
		return View{}, false, err
	}
	var out outcome
	select {
	case out = <-m.done:
	case <-ctx.Done():
		// The batch goes on: the spot may be made, and the next try finds it.
		return View{}, false, notDurable(ctx.Err())
	}
	if out.err != nil {
		return View{}, false, out.err
	}
	if out.existing {
		v, err := s.rejoin(ctx, event, account)
		return v, false, err
	}
	if v, err = s.view(event, account, out.place); err == nil {
		s.keepSpot(&v)
	}
	return v, out.created, err
}

// member is one caller in a batch.
type member struct {
	account uuid.UUID
	// id is the spot's, should it be made: one for all tries.
	id   uuid.UUID
	done chan outcome
}

// outcome is what became of a member: a new spot, the news that there was one
// already, or an error.
type outcome struct {
	place    queuedb.PlaceRow
	created  bool
	existing bool
	err      error
}

// batcher holds who waits to join one event.
type batcher struct {
	mu      sync.Mutex
	waiting []*member
	running bool
}

func (s *Service) enqueue(event uuid.UUID, m *member) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return notDurable(nil)
	}
	b := s.batchers[event]
	if b == nil {
		b = &batcher{}
		s.batchers[event] = b
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) >= s.backlog {
		return notDurable(nil)
	}
	b.waiting = append(b.waiting, m)
	if !b.running {
		b.running = true
		s.running.Go(func() { s.run(event, b) }) // Close waits for it
	}
	return nil
}

// run takes batches until nobody waits.
func (s *Service) run(event uuid.UUID, b *batcher) {
	for {
		batch := s.take(event, b)
		if batch == nil {
			return
		}
		s.joinBatch(event, batch)
	}
}

// take returns the next batch, or nil after it has marked the batcher as gone.
func (s *Service) take(event uuid.UUID, b *batcher) []*member {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.waiting), maxBatch)
	if n == 0 {
		b.running = false
		delete(s.batchers, event)
		return nil
	}
	batch := append([]*member(nil), b.waiting[:n]...)
	rest := copy(b.waiting, b.waiting[n:])
	clear(b.waiting[rest:])
	b.waiting = b.waiting[:rest]
	return batch
}

// joinBatch answers every member. A batch that fails is tried again member by
// member, so that one cannot spoil the others; not so when the database is away.
func (s *Service) joinBatch(event uuid.UUID, batch []*member) {
	outcomes, err := s.commit(event, batch)
	if db.OutcomeUnknown(err) {
		outcomes, err = s.commit(event, batch)
	}
	switch {
	case err == nil:
	case len(batch) == 1 || fault.From(err).Kind == fault.Unavailable:
		s.cfg.Logger.Warn("queue: a batch of joins failed", "event", event, "joins", len(batch), "err", err)
		for _, m := range batch {
			m.done <- outcome{err: refusal(err)}
		}
		return
	default:
		s.cfg.Logger.Warn("queue: a batch of joins is tried one by one", "event", event, "joins", len(batch), "err", err)
		for _, m := range batch {
			s.joinBatch(event, []*member{m})
		}
		return
	}
	for i, m := range batch {
		m.done <- outcomes[i]
	}
}

// refusal is what a fan is told about a failed join: refusals as they are, all
// else as a place that could not be made durable.
func refusal(err error) error {
	switch f := fault.From(err); f.Kind {
	case fault.Internal:
		return err
	case fault.Unavailable:
		return notDurable(err)
	default:
		return f
	}
}

// commit makes the spots of a batch in one transaction.
func (s *Service) commit(event uuid.UUID, batch []*member) (outcomes []outcome, err error) {
	ctx, cancel := context.WithTimeout(s.stop, batchTimeout)
	defer cancel()
	// The first of an account stands for those behind it.
	distinct := make([]*member, 0, len(batch))
	first := make(map[uuid.UUID]*member, len(batch))
	for _, m := range batch {
		if first[m.account] == nil {
			first[m.account] = m
			distinct = append(distinct, m)
		}
	}
	made, err := s.joinFresh(ctx, event, distinct)
	if made == nil {
		if err != nil {
			s.cfg.Logger.Debug("queue: a batch of joins was not as believed", "event", event, "err", err)
		}
		err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
			// Five round trips instead of nine: begin; lock; insert; all that answers nothing; commit.
			pipe := db.NewPipe(tx)
			var err error
			if made, err = s.joinTx(ctx, pipe, event, distinct); err != nil {
				return err
			}
			return pipe.Flush(ctx)
		})
		if err != nil {
			return nil, fmt.Errorf("queue.Join: %w", err)
		}
		s.believe(event, made)
	}
	outcomes = make([]outcome, len(batch))
	for i, m := range batch {
		out := made[m.account]
		if first[m.account] != m {
			out.created = false
		}
		outcomes[i] = out
	}
	return outcomes, nil
}

// belief is where the last batch of this process left a head.
type belief struct {
	arrivals int64
	// wary is how many batches are not tried in one trip, after one was not as believed: another replica joins fans too.
	wary int
}

const waryFor = 8

// joinFresh joins the members in one round trip, in the belief that nothing has moved the head since our last batch and
// that none of them has a spot: what everybody is at an opening. PostgreSQL refuses the whole where that is not so. nil
// without a belief, or with the error that ended the try; joinTx then finds out what is true.
func (s *Service) joinFresh(ctx context.Context, event uuid.UUID, members []*member) (map[uuid.UUID]outcome, error) {
	s.mu.Lock()
	b, ok := s.beliefs[event]
	if ok && b.wary > 0 {
		b.wary--
		s.beliefs[event] = b
		ok = false
	}
	s.mu.Unlock()
	if !ok {
		return nil, nil
	}
	rows := make([]queuedb.InsertSpotsRow, len(members))
	ids, accounts := make([]uuid.UUID, len(members)), make([]uuid.UUID, len(members))
	for i, m := range members {
		ids[i], accounts[i] = m.id, m.account
		rows[i] = queuedb.InsertSpotsRow{ID: m.id, AccountID: m.account, Arrival: b.arrivals + int64(i) + 1}
	}
	var head queuedb.LockHeadRow
	err := db.OneTrip(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		q := queuedb.New()
		if err := q.HoldHead(ctx, tx, event); err != nil {
			return err
		}
		if err := q.AddSpots(ctx, tx, event, b.arrivals, ids, accounts); err != nil {
			return err
		}
		if err := writeJoined(ctx, tx, event, b.arrivals, rows); err != nil {
			return err
		}
		// Last, because it answers.
		taken, err := q.TakeArrivals(ctx, tx, int64(len(members)), b.arrivals, event)
		head = queuedb.LockHeadRow(taken)
		return err
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.beliefs[event] = belief{arrivals: b.arrivals, wary: waryFor}
		return nil, err
	}
	s.beliefs[event] = belief{arrivals: head.Arrivals}
	made := make(map[uuid.UUID]outcome, len(members))
	for _, r := range rows {
		r.JoinedAt = head.At
		made[r.AccountID] = outcome{created: true, place: newPlace(head, r)}
	}
	return made, nil
}

// believe remembers where a batch left the head.
func (s *Service) believe(event uuid.UUID, made map[uuid.UUID]outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, out := range made {
		if out.created {
			b := s.beliefs[event]
			b.arrivals = max(b.arrivals, out.place.Arrivals)
			s.beliefs[event] = b
		}
	}
}

// joinTx gives the members their arrivals. It returns an outcome for each account.
func (s *Service) joinTx(ctx context.Context, tx pgx.Tx, event uuid.UUID, members []*member) (map[uuid.UUID]outcome, error) {
	q := queuedb.New()
	made := make(map[uuid.UUID]outcome, len(members))
	head, err := q.LockHead(ctx, tx, event)
	if db.NoRows(err) {
		err := fault.New(fault.NotFound, "event_not_found", "There is no such event. Look at the list of events.")
		for _, m := range members {
			made[m.account] = outcome{err: err}
		}
		return made, nil
	}
	if err != nil {
		return nil, err
	}
	if err := joinable(head); err != nil {
		for _, m := range members {
			made[m.account] = outcome{err: err}
		}
		return made, nil
	}
	spare := int64(len(members))
	if head.MaxWaiting != nil && head.Arrivals-head.Serving+spare > *head.MaxWaiting {
		waiting, err := s.waitingTx(ctx, tx, event, head)
		if err != nil {
			return nil, err
		}
		spare = max(0, *head.MaxWaiting-waiting)
	}
	rows, full, err := insertSpots(ctx, tx, event, head.Arrivals, members, spare)
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 {
		if err := q.SetArrivals(ctx, tx, head.Arrivals+int64(len(rows)), event); err != nil {
			return nil, err
		}
		if err := writeJoined(ctx, tx, event, head.Arrivals, rows); err != nil {
			return nil, err
		}
	}
	for _, m := range members {
		made[m.account] = outcome{existing: true}
	}
	for _, id := range full {
		made[id] = outcome{err: lineFull()}
	}
	head.Arrivals += int64(len(rows))
	for _, r := range rows {
		made[r.AccountID] = outcome{created: true, place: newPlace(head, r)}
	}
	// Spots of ours that a commit with an unknown outcome had made already.
	return made, s.recognise(ctx, tx, event, members, made)
}

// insertSpots gives arrivals to the members who have no spot, at most spare of
// them; the others without a spot come back as full.
func insertSpots(ctx context.Context, tx pgx.Tx, event uuid.UUID, arrivals int64, members []*member, spare int64) (rows []queuedb.InsertSpotsRow, full []uuid.UUID, err error) {
	try := members
	for {
		ids, accounts := make([]uuid.UUID, len(try)), make([]uuid.UUID, len(try))
		for i, m := range try {
			ids[i], accounts[i] = m.id, m.account
		}
		point, err := tx.Begin(ctx)
		if err != nil {
			return nil, nil, err
		}
		rows, err = queuedb.New().InsertSpots(ctx, point, event, arrivals, ids, accounts)
		if err != nil {
			return nil, nil, err
		}
		if len(rows) == len(try) && int64(len(rows)) <= spare {
			return rows, full, point.Commit(ctx)
		}
		// Arrivals of those who were there already, or find no room, would be gaps.
		if err := point.Rollback(ctx); err != nil {
			return nil, nil, err
		}
		fresh := make(map[uuid.UUID]bool, len(rows))
		for _, r := range rows {
			fresh[r.AccountID] = true
		}
		next := make([]*member, 0, len(rows))
		for _, m := range try {
			switch {
			case !fresh[m.account]:
			case int64(len(next)) < spare:
				next = append(next, m)
			default:
				full = append(full, m.account)
			}
		}
		if len(next) == 0 {
			return nil, full, nil
		}
		try = next
	}
}

// recognise marks spots as created that carry an id of this batch but were not
// made by this transaction: its first try had been committed after all.
func (s *Service) recognise(ctx context.Context, tx pgx.Tx, event uuid.UUID, members []*member, made map[uuid.UUID]outcome) error {
	byID := map[uuid.UUID]*member{}
	ids := []uuid.UUID{}
	for _, m := range members {
		if made[m.account].existing {
			byID[m.id] = m
			ids = append(ids, m.id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	ours, err := queuedb.New().Ours(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, id := range ours {
		m := byID[id]
		place, err := placeIn(ctx, tx, event, m.account)
		if err != nil {
			return err
		}
		made[m.account] = outcome{created: true, place: place}
	}
	return nil
}

// writeJoined is the batch's row in the ledger: the Merkle root over its leaves
// in order of arrival, spot ":" arrival.
func writeJoined(ctx context.Context, tx pgx.Tx, event uuid.UUID, before int64, rows []queuedb.InsertSpotsRow) error {
	leaves := make([][32]byte, len(rows))
	for _, r := range rows {
		leaves[r.Arrival-before-1] = Leaf(r.ID, r.Arrival)
	}
	root := merkle.Root(leaves)
	return ledger.Write(ctx, tx, event, ledger.Joined, map[string]any{
		"from": before + 1, "to": before + int64(len(rows)), "root": hex.EncodeToString(root[:]),
	})
}

// newPlace is what Place would read of a spot that was just made.
func newPlace(h queuedb.LockHeadRow, r queuedb.InsertSpotsRow) queuedb.PlaceRow {
	return queuedb.PlaceRow{
		ID: r.ID, Arrival: r.Arrival, JoinedAt: r.JoinedAt, Status: stored.joined,
		Arrivals: h.Arrivals, Serving: h.Serving, State: h.State, Ordering: h.Ordering,
		OpensAt: h.OpensAt, OpenedAt: h.OpenedAt, AdmitPerMinute: h.AdmitPerMinute, MaxTicketsPerFan: h.MaxTicketsPerFan,
		VisitSeconds: h.VisitSeconds, GraceSeconds: h.GraceSeconds, At: h.At, LineAt: h.LineAt,
	}
}

// joinable is nil while joining is open, by the row.
func joinable(h queuedb.LockHeadRow) error {
	switch sale.State(h.State) {
	case sale.Lobby, sale.Open, sale.Paused:
		return nil
	case sale.Scheduled:
		at := h.OpensAt
		if h.LobbyOpensAt != nil {
			at = *h.LobbyOpensAt
		}
		return notJoinable("You cannot join yet. Come back when the line opens.", &at)
	}
	return notJoinable("This sale is over, so the line is closed.", nil)
}

func notJoinable(message string, at *time.Time) error {
	f := fault.New(fault.Conflict, "sale_not_joinable", message)
	if at == nil {
		return f.With("joinable_at", nil)
	}
	return f.With("joinable_at", at.UTC())
}

func lineFull() error {
	return fault.New(fault.Conflict, "line_full", "The line is full. Try again later: places come free when people leave or get their turn.")
}

func notDurable(err error) error {
	wait := time.Second + rand.N(2*time.Second) //nolint:gosec // spreads retries, guards nothing
	return fault.Wrap(err, fault.Unavailable, "not_durable", "We could not make sure of your place just now. Try again in a moment: if it was made, you keep it.").After(wait)
}
