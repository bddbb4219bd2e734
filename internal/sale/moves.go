package sale

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/saledb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
)

// moves is the state machine: to which states a sale may go from each. A draft
// cannot be ended: nobody has seen it. SQL gets its from-states from here.
var moves = map[State][]State{
	Draft:     {Scheduled, Lobby, Open},
	Scheduled: {Lobby, Open, Ended},
	Lobby:     {Open, Ended},
	Open:      {Paused, Ended},
	Paused:    {Open, Ended},
	Ended:     {},
}

// stored are the states a row can have, in the order of a sale's life.
var stored = []State{Draft, Scheduled, Lobby, Open, Paused, Ended}

// Allowed reports whether a sale may go from one stored state to another.
func Allowed(from, to State) bool { return slices.Contains(moves[from], to) }

// MoveTx moves a sale along the table of allowed moves inside the caller's transaction, with its ledger row, if it is
// in one of the states of from: resuming opens what is paused, and not what is in the lobby. by is the account, uuid.Nil
// for the clock. 409 invalid_transition, 404 event_not_found.
func MoveTx(ctx context.Context, tx pgx.Tx, event, by uuid.UUID, from []State, to State) error {
	q := saledb.New()
	states := make([]string, 0, len(from))
	for _, f := range from {
		if Allowed(f, to) {
			states = append(states, string(f))
		}
	}
	was, err := q.Move(ctx, tx, string(to), event, states)
	if db.NoRows(err) {
		now, err := q.State(ctx, tx, event)
		if db.NoRows(err) {
			return notFound()
		}
		if err != nil {
			return db.Fault(fmt.Errorf("sale.MoveTx: %w", err))
		}
		return invalidMove(State(now), from, to)
	}
	if err != nil {
		return db.Fault(fmt.Errorf("sale.MoveTx: %w", err))
	}
	body := map[string]any{"from": was, "to": to}
	if by != uuid.Nil {
		body["by"] = by
	}
	return ledger.Write(ctx, tx, event, ledger.SaleMoved, body)
}

func notFound() *fault.Error {
	return fault.New(fault.NotFound, "event_not_found", "There is no such event. Look at the list of events.")
}

func invalidMove(now State, from []State, to State) *fault.Error {
	words := map[State]string{
		Draft: "a draft", Scheduled: "published", Lobby: "in the lobby", Open: "open", Paused: "paused", Ended: "over",
	}
	what := map[State]string{
		Scheduled: "published", Lobby: "moved to the lobby", Open: "opened", Paused: "paused", Ended: "ended",
	}
	done := what[to]
	switch { // Three things open a sale, and a person did one of them.
	case slices.Equal(from, []State{Draft}):
		done = "published"
	case slices.Equal(from, []State{Paused}):
		done = "resumed"
	}
	return fault.New(fault.Conflict, "invalid_transition",
		fmt.Sprintf("The sale is %s, so it cannot be %s now.", words[now], done)).With("state", now)
}

// Pause holds the line: nobody is called until Resume. 409 invalid_transition.
func (s *Service) Pause(ctx context.Context, event, by uuid.UUID) (*Snapshot, error) {
	return s.move(ctx, event, by, []State{Open}, Paused)
}

// Resume ends a pause and adds it to the time the line stood still.
func (s *Service) Resume(ctx context.Context, event, by uuid.UUID) (*Snapshot, error) {
	return s.move(ctx, event, by, []State{Paused}, Open)
}

// End ends a sale for good.
func (s *Service) End(ctx context.Context, event, by uuid.UUID) (*Snapshot, error) {
	return s.move(ctx, event, by, stored, Ended)
}

func (s *Service) move(ctx context.Context, event, by uuid.UUID, from []State, to State) (*Snapshot, error) {
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error { return MoveTx(ctx, tx, event, by, from, to) })
	if err != nil {
		return nil, err
	}
	return s.Fresh(ctx, event)
}
