package queue

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/beacon"
	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/sale"
)

// maxBeaconValue bounds a beacon's value, in characters.
const maxBeaconValue = 1000

// commitTx makes the secret of a sale with a draw and publishes its hash. It does nothing for other sales, and for one
// that is committed.
func (s *Service) commitTx(ctx context.Context, tx pgx.Tx, event uuid.UUID) error {
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // never fails
	commitment := sha256.Sum256(secret)
	q := queuedb.New()
	round, err := q.Commit(ctx, tx, commitment[:], event)
	if db.NoRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := q.KeepSecret(ctx, tx, event, s.sealer.Seal(nil, nil, secret, event[:])); err != nil {
		return err
	}
	d, err := q.Draw(ctx, tx, event)
	if err != nil {
		return err
	}
	body := map[string]any{"commitment": hex.EncodeToString(commitment[:])}
	if d.BeaconName != nil {
		body["beacon"] = map[string]any{"name": *d.BeaconName, "round": round}
	}
	return ledger.Write(ctx, tx, event, ledger.DrawCommitted, body)
}

// freeze is the first step of opening: whoever comes from now on is behind the lobby. A sale without a draw is open with
// it, and opened is true.
func (s *Service) freeze(ctx context.Context, event, by uuid.UUID) (opened bool, err error) {
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		opened = false
		q := queuedb.New()
		head, err := q.LockHead(ctx, tx, event)
		if err != nil && !db.NoRows(err) {
			return err
		}
		state := sale.State(head.State)
		if err != nil || sale.Ordering(head.Ordering) != sale.Draw || state != sale.Scheduled && state != sale.Lobby {
			// Without a head it is a draft or nothing; that and every other wrong state the move itself refuses.
			opened = true
			return openTx(ctx, tx, event, by)
		}
		if state == sale.Scheduled {
			if err := sale.MoveTx(ctx, tx, event, by, []sale.State{sale.Scheduled}, sale.Lobby); err != nil {
				return err
			}
		}
		return s.freezeTx(ctx, tx, event, by, head)
	})
	return opened, err
}

func (s *Service) freezeTx(ctx context.Context, tx pgx.Tx, event, by uuid.UUID, head queuedb.LockHeadRow) error {
	q := queuedb.New()
	// A sale that was published before there were draws commits now, which the times of both show.
	if err := s.commitTx(ctx, tx, event); err != nil {
		return err
	}
	d, err := q.Draw(ctx, tx, event)
	if err != nil || d.FrozenAt != nil {
		return err
	}
	round := d.BeaconRound
	if d.BeaconName != nil && round != nil {
		// The root must be public before anybody can know the value.
		soonest, known := beacon.RoundAfter(*d.BeaconName, head.At.Add(beacon.Lead))
		if known && soonest > *round {
			round = &soonest
		}
	}
	if _, err := q.FreezeLobby(ctx, tx, event); err != nil {
		return err
	}
	n, err := q.Frozen(ctx, tx, round, event)
	if err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("event %s was frozen under its lock", event)
	}
	body := map[string]any{"lobby_size": head.Arrivals}
	if round != nil {
		body["round"] = *round
	}
	return ledger.Write(ctx, tx, event, ledger.DrawFrozen, withBy(body, by))
}

// root is the second step: the Merkle root over the lobby, which can no longer change. It is read without a lock.
func (s *Service) root(ctx context.Context, event uuid.UUID) error {
	d, err := queuedb.New().Draw(ctx, s.cfg.DB, event)
	if err != nil || d.Root != nil || d.FrozenAt == nil || d.LobbySize == nil {
		return err
	}
	tree, err := s.trees.get(ctx, event, *d.LobbySize, s.leaves)
	if err != nil {
		return err
	}
	root := tree.Root()
	return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		q := queuedb.New()
		n, err := q.Rooted(ctx, tx, root[:], event)
		if err != nil || n == 0 {
			return err // another leader was faster, with the same root
		}
		return ledger.Write(ctx, tx, event, ledger.DrawRooted, map[string]any{"lobby_size": *d.LobbySize, "root": hex.EncodeToString(root[:])})
	})
}

// draw is the third step: the secret is revealed, the seed follows, and the sale is open. It does nothing while a beacon
// is awaited, and after another has held the draw.
func (s *Service) draw(ctx context.Context, event, by uuid.UUID) error {
	return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		q := queuedb.New()
		head, err := q.LockHead(ctx, tx, event)
		if err != nil {
			return err
		}
		d, err := q.Draw(ctx, tx, event)
		if err != nil {
			return err
		}
		if d.DrawnAt != nil || d.Root == nil || d.LobbySize == nil || sale.State(head.State) != sale.Lobby {
			return nil
		}
		if d.BeaconName != nil && d.BeaconValue == nil && d.WaivedAt == nil {
			return nil
		}
		secret, err := s.secretTx(ctx, tx, event, d)
		if err != nil {
			return err
		}
		value := ""
		if d.BeaconValue != nil {
			value = *d.BeaconValue
		}
		seed := Seed(secret, [32]byte(d.Root), *d.LobbySize, value)
		n, err := q.Drawn(ctx, tx, secret[:], seed[:], event)
		if err != nil || n == 0 {
			return err
		}
		if err := ledger.Write(ctx, tx, event, ledger.SecretRevealed, map[string]any{"secret": hex.EncodeToString(secret[:])}); err != nil {
			return err
		}
		if err := ledger.Write(ctx, tx, event, ledger.Drawn, map[string]any{"lobby_size": *d.LobbySize, "seed": hex.EncodeToString(seed[:])}); err != nil {
			return err
		}
		return openTx(ctx, tx, event, by)
	})
}

// Seed is that of a draw by CONTRACT.md: SHA-256 over secret, root, lobby size and the beacon's value or nothing.
func Seed(secret, root [32]byte, lobby int64, beacon string) [32]byte {
	buf := make([]byte, 0, 72+len(beacon))
	buf = append(append(buf, secret[:]...), root[:]...)
	buf = binary.BigEndian.AppendUint64(buf, uint64(lobby)) //nolint:gosec // a size
	return sha256.Sum256(append(buf, beacon...))
}

// secretTx opens the secret and holds it against the commitment: another FAIRQUEUE_SECRET, or a row that was exchanged,
// must not become the order of a sale.
func (s *Service) secretTx(ctx context.Context, tx pgx.Tx, event uuid.UUID, d queuedb.DrawRow) (secret [32]byte, err error) {
	sealed, err := queuedb.New().Secret(ctx, tx, event)
	if err != nil {
		return secret, err
	}
	plain, err := s.sealer.Open(nil, nil, sealed, event[:])
	if err != nil {
		return secret, fmt.Errorf("the secret of the draw of event %s cannot be opened; was FAIRQUEUE_SECRET changed?", event)
	}
	if sum := sha256.Sum256(plain); len(plain) != len(secret) || string(sum[:]) != string(d.Commitment) {
		return secret, fmt.Errorf("the secret of the draw of event %s is not the one that was committed", event)
	}
	return [32]byte(plain), nil
}

// reveal publishes the secret of a draw that will not be held any more: the sale has ended.
func (s *Service) reveal(ctx context.Context, event uuid.UUID) error {
	return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		q := queuedb.New()
		head, err := q.LockHead(ctx, tx, event)
		if err != nil || sale.State(head.State) != sale.Ended {
			return err
		}
		d, err := q.Draw(ctx, tx, event)
		if db.NoRows(err) || err == nil && d.Secret != nil {
			return nil
		}
		if err != nil {
			return err
		}
		secret, err := s.secretTx(ctx, tx, event, d)
		if err != nil {
			return err
		}
		n, err := q.Reveal(ctx, tx, secret[:], event)
		if err != nil || n == 0 {
			return err
		}
		return ledger.Write(ctx, tx, event, ledger.SecretRevealed, map[string]any{"secret": hex.EncodeToString(secret[:])})
	})
}

// GiveBeacon takes the value of the beacon's round that an awaited draw needs and holds the draw; 409 invalid_transition
// where none is awaited (no beacon named, the root not published yet, drawn already), 422 for an empty or overlong value.
func (s *Service) GiveBeacon(ctx context.Context, event, by uuid.UUID, value string) (*sale.Snapshot, error) {
	value = strings.TrimSpace(value)
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) || value == "" || utf8.RuneCountInString(value) > maxBeaconValue {
		return nil, fault.InvalidField(fault.Field{Path: "value", Message: fmt.Sprintf("Give the value of the beacon's round as text of 1 to %d characters.", maxBeaconValue)})
	}
	return s.settleBeacon(ctx, event, by, ledger.BeaconGiven, map[string]any{"value": value}, func(q *queuedb.Queries, tx pgx.Tx) (int64, error) {
		return q.GiveBeacon(ctx, tx, value, event)
	})
}

// WaiveBeacon holds the draw without the beacon that was named, which the fairness page discloses; 409 as GiveBeacon.
func (s *Service) WaiveBeacon(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error) {
	return s.settleBeacon(ctx, event, by, ledger.BeaconWaived, map[string]any{}, func(q *queuedb.Queries, tx pgx.Tx) (int64, error) {
		return q.WaiveBeacon(ctx, tx, event)
	})
}

func (s *Service) settleBeacon(ctx context.Context, event, by uuid.UUID, kind ledger.Kind, body map[string]any, set func(*queuedb.Queries, pgx.Tx) (int64, error)) (*sale.Snapshot, error) {
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		q := queuedb.New()
		head, err := q.LockHead(ctx, tx, event)
		if db.NoRows(err) {
			return noBeacon()
		}
		if err != nil {
			return err
		}
		d, err := q.Draw(ctx, tx, event)
		if db.NoRows(err) || err == nil && (d.BeaconName == nil || sale.State(head.State) != sale.Lobby) {
			return noBeacon()
		}
		if err != nil {
			return err
		}
		n, err := set(q, tx)
		if err != nil {
			return err
		}
		if n == 0 {
			return noBeacon()
		}
		return ledger.Write(ctx, tx, event, kind, withBy(body, by))
	})
	if err != nil {
		return nil, db.Fault(fmt.Errorf("queue: %s: %w", kind, err))
	}
	// From here on the leader would go on too.
	if err := s.draw(ctx, event, by); err != nil {
		return nil, db.Fault(fmt.Errorf("queue: draw: %w", err))
	}
	return s.cfg.Sales.Fresh(ctx, event)
}

func noBeacon() error {
	return fault.New(fault.Conflict, "invalid_transition", "No beacon is awaited: the draw needs none now.")
}

// withBy adds who did it; the clock is nobody.
func withBy(body map[string]any, by uuid.UUID) map[string]any {
	if by != uuid.Nil {
		body["by"] = by
	}
	return body
}
