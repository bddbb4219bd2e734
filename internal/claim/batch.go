package claim

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

const (
	// maxBatch and maxUnits bound what one transaction grants.
	maxBatch = 256
	maxUnits = 1024
	// maxBacklog bounds who waits before a batcher: some seconds of claims.
	maxBacklog   = 16 * 1024
	batchTimeout = 15 * time.Second
	// sweepEvery is how often units are looked for from the first slot on.
	sweepEvery = time.Second
)

// tierKey names what is claimed together: units of one tier.
type tierKey struct{ event, tier uuid.UUID }

// member is one fan in a batch.
type member struct {
	account uuid.UUID
	request Request
	// id is the claim's, should it be made: one for all tries, so that a claim whose commit was not heard of is found.
	id   uuid.UUID
	done chan outcome
}

func (m *member) ask() ask { return m.request.ask() }

// outcome is what became of a member: a claim or a refusal; or it is still to be decided.
type outcome struct {
	claim Claim
	err   error
	// short: there were too few units that nobody has locked, which is no answer.
	short bool
	// alone: the fan is busy with something else, or the batch failed: one fan at a time.
	alone bool
}

// batcher holds who waits for units of one tier.
type batcher struct {
	mu      sync.Mutex
	waiting []*member
	running bool

	// Of the goroutine that runs.
	// after is the last slot given out: while batch follows batch, looking from there spares reading what is held before
	// it. From time to time, and whenever that is too little, units are looked for from the beginning.
	after int32
	swept time.Time
	// tight: somebody was refused for want of units just now, so that it is no use to ask without waiting.
	tight bool
}

// batchers are those of this process.
type batchers struct {
	mu      sync.Mutex
	closed  bool
	of      map[tierKey]*batcher
	running sync.WaitGroup
	stop    context.Context
	cancel  context.CancelFunc
}

// Close stops taking claims, finishes those begun, and returns; at the end of ctx it breaks them off.
func (s *Service) Close(ctx context.Context) error {
	bs := &s.batchers
	bs.mu.Lock()
	bs.closed = true
	bs.mu.Unlock()
	done := make(chan struct{})
	go func() { // ends with the batchers, which cancel ends
		bs.running.Wait()
		close(done)
	}()
	defer bs.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		bs.cancel()
		<-done
		return ctx.Err()
	}
}

// holdTogether claims units of a tier together with everybody else who asks for some at the moment. decided is false
// when it is still to be done, for this fan alone.
func (s *Service) holdTogether(ctx context.Context, event *sale.Snapshot, account uuid.UUID, r Request) (c Claim, decided bool, err error) {
	if _, known := event.Tier(r.TierID); !known || r.Quantity < 1 || r.Quantity > maxQuantity {
		return Claim{}, false, nil // to be refused, in the order of CONTRACT.md
	}
	// Ids in order of time meet the same pages of the indexes.
	id, err := uuid.NewV7()
	if err != nil {
		return Claim{}, true, err
	}
	m := &member{account: account, request: r, id: id, done: make(chan outcome, 1)}
	if err := s.enqueue(tierKey{event.ID(), r.TierID}, m); err != nil {
		return Claim{}, true, err
	}
	select {
	case out := <-m.done:
		return out.claim, !out.alone, out.err
	case <-ctx.Done():
		// The batch goes on: the claim may be made, and the next try is told of it.
		return Claim{}, true, db.Fault(ctx.Err())
	}
}

func (s *Service) enqueue(key tierKey, m *member) error {
	bs := &s.batchers
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if bs.closed {
		return busy(errors.New("the service is closed"))
	}
	b := bs.of[key]
	if b == nil {
		b = &batcher{}
		bs.of[key] = b
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) >= maxBacklog {
		return busy(errors.New("too many claim at once"))
	}
	b.waiting = append(b.waiting, m)
	if !b.running {
		b.running = true
		bs.running.Go(func() { s.run(key, b) }) // Close waits for it
	}
	return nil
}

func busy(err error) error {
	wait := time.Second + rand.N(2*time.Second) //nolint:gosec // spreads retries, guards nothing
	return fault.Wrap(err, fault.Unavailable, "database_unavailable",
		"We could not hold tickets for you just now. Your turn is safe: try again in a few seconds.").After(wait)
}

// run serves batches until nobody waits.
func (s *Service) run(key tierKey, b *batcher) {
	for batch := b.take(); batch != nil; batch = b.take() {
		s.serve(key, b, batch)
	}
}

// take returns the next batch, all of different fans, or nil after it has marked the batcher as idle.
func (b *batcher) take() []*member {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.running, b.waiting, b.after = false, nil, 0
		return nil
	}
	var batch, later []*member
	accounts := make(map[uuid.UUID]struct{}, len(b.waiting))
	units := 0
	for _, m := range b.waiting {
		_, twice := accounts[m.account]
		if twice || len(batch) == maxBatch || (units > 0 && units+m.request.Quantity > maxUnits) {
			later = append(later, m)
			continue
		}
		accounts[m.account] = struct{}{}
		units += m.request.Quantity
		batch = append(batch, m)
	}
	b.waiting = later
	return batch
}

// serve answers every member of a batch. Nobody is refused for want of units by the first attempt, which skips units
// that others have locked: those who got too few take part in a second one, which waits.
func (s *Service) serve(key tierKey, b *batcher, batch []*member) {
	ctx, cancel := context.WithTimeout(s.batchers.stop, batchTimeout)
	defer cancel()
	if now := time.Now(); b.tight || now.Sub(b.swept) > sweepEvery {
		b.after, b.swept = 0, now
	}
	short := batch
	if !b.tight {
		short = s.attempt(ctx, key, b, batch, false)
	}
	if len(short) > 0 {
		b.after = 0
		s.attempt(ctx, key, b, short, true)
	}
}

// attempt is one transaction for a batch. It answers all members but those who got too few units without waiting. A
// batch that fails as a whole is left to its members, one by one, so that none can spoil the others; not so when the
// database is away.
func (s *Service) attempt(ctx context.Context, key tierKey, b *batcher, batch []*member, wait bool) (short []*member) {
	g, err := s.grantMany(ctx, key, b, batch, wait)
	if db.OutcomeUnknown(err) {
		g, err = s.grantMany(ctx, key, b, batch, wait)
	}
	if err != nil {
		s.cfg.Logger.Warn("claim: a batch failed", "event", key.event, "tier", key.tier, "claims", len(batch), "err", err)
		alone := outcome{alone: true}
		if fault.From(err).Kind == fault.Unavailable {
			alone = outcome{err: err}
		}
		for _, m := range batch {
			m.done <- alone
		}
		return nil
	}
	b.after = g.after
	if wait {
		b.tight = g.refused
	}
	for i, m := range batch {
		if g.out[i].short {
			short = append(short, m)
			continue
		}
		m.done <- g.out[i]
	}
	return short
}
