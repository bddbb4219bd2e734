package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db/auditdb"
	"fairqueue/internal/ledger"
	"fairqueue/internal/merkle"
	"fairqueue/internal/shuffle"
)

// draw is what stands written about a draw, in its row and in the ledger, and the numbers that follow from it.
type draw struct {
	facts auditdb.DrawFactsRow
	// ledger is what the first row of each kind says; the rows of the same kind after it are counted.
	ledger map[ledger.Kind]said
	// seed is recomputed; the one that is stored is only compared with it.
	seed    [32]byte
	numbers []uint32
}

type said struct {
	Commitment string `json:"commitment"`
	LobbySize  int64  `json:"lobby_size"`
	Root       string `json:"root"`
	Value      string `json:"value"`
	Secret     string `json:"secret"`
	Seed       string `json:"seed"`
	times      int
}

func readDraw(ctx context.Context, tx pgx.Tx, q *auditdb.Queries, event uuid.UUID) (draw, error) {
	d := draw{ledger: map[ledger.Kind]said{}}
	var err error
	if d.facts, err = q.DrawFacts(ctx, tx, event); err != nil || d.facts.Ordering != "draw" {
		return d, err
	}
	for _, kind := range []ledger.Kind{
		ledger.DrawCommitted, ledger.DrawFrozen, ledger.DrawRooted, ledger.BeaconGiven, ledger.BeaconWaived, ledger.SecretRevealed, ledger.Drawn,
	} {
		rows, err := q.Decisions(ctx, tx, &event, string(kind))
		if err != nil {
			return d, err
		}
		if len(rows) > 0 {
			s := said{times: len(rows)}
			_ = json.Unmarshal(rows[0].Body, &s) // what cannot be read agrees with nothing
			d.ledger[kind] = s
		}
	}
	if f := d.facts; f.Secret != nil && f.Root != nil && f.LobbySize != nil && f.DrawnAt != nil {
		d.seed = seedOf(f.Secret, f.Root, *f.LobbySize, f.BeaconValue)
		d.numbers = shuffle.Table(int(*f.LobbySize), d.seed)
	}
	return d, nil
}

// seedOf is the seed by CONTRACT.md.
func seedOf(secret, root []byte, n int64, beacon *string) [32]byte {
	h := sha256.New()
	h.Write(secret)
	h.Write(root)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) //nolint:gosec // a size
	if beacon != nil {
		h.Write([]byte(*beacon))
	}
	return [32]byte(h.Sum(nil))
}

// number is the order of admission of an arrival: drawn in the lobby, else the order of coming.
func (d *draw) number(arrival int64) int64 {
	if arrival >= 1 && arrival <= int64(len(d.numbers)) {
		return 1 + int64(d.numbers[arrival-1])
	}
	return arrival
}

// drawVerifies recomputes a draw from the spots and the secret, and holds every value of its row against the ledger,
// which was written when the value was published.
func (l *line) drawVerifies() (r Result) {
	d := &l.draw
	f := d.facts
	if f.Ordering != "draw" || !f.Committed && len(d.ledger) == 0 {
		return r // no draw, or a sale from before there were draws
	}
	r.Checked++
	if !f.Committed {
		r.violate("the draw is gone, and the ledger tells of it")
		return r
	}
	for kind, s := range d.ledger {
		if s.times > 1 {
			r.violate("the ledger says %d times %s", s.times, kind)
		}
	}
	d.agrees(&r, ledger.DrawCommitted, "commitment", f.Commitment, d.ledger[ledger.DrawCommitted].Commitment)
	if f.Secret != nil {
		if sum := sha256.Sum256(f.Secret); !bytes.Equal(sum[:], f.Commitment) {
			r.violate("the secret is not the one committed: its hash is %x, the commitment %x", sum, f.Commitment)
		}
		d.agrees(&r, ledger.SecretRevealed, "secret", f.Secret, d.ledger[ledger.SecretRevealed].Secret)
		if f.DrawnAt == nil && f.State != "ended" {
			r.violate("the secret was revealed before the draw")
		}
	}
	if f.OpenedAt != nil && f.DrawnAt == nil {
		r.violate("the sale was opened without its draw")
	}
	d.inOrder(&r)
	if f.FrozenAt != nil {
		switch frozen, ok := d.ledger[ledger.DrawFrozen]; {
		case f.LobbySize == nil:
			r.violate("the lobby is frozen and has no size")
			return r
		case !ok || frozen.LobbySize != *f.LobbySize:
			r.violate("the lobby has %d places, the ledger says %d were frozen", *f.LobbySize, frozen.LobbySize)
		}
	}
	if f.Root != nil {
		l.rootVerifies(&r)
	}
	if f.DrawnAt != nil {
		l.numbersVerify(&r)
	}
	return r
}

// agrees holds a value against what the ledger said when it was published.
func (d *draw) agrees(r *Result, kind ledger.Kind, what string, value []byte, text string) {
	if d.ledger[kind].times == 0 {
		r.violate("there is a %s, and the ledger has no row %s", what, kind)
	} else if !strings.EqualFold(hex.EncodeToString(value), text) {
		r.violate("the %s is %x, the ledger says %.64s", what, value, text)
	}
}

// inOrder checks that the steps were taken one after the other, and disclosed what they did without.
func (d *draw) inOrder(r *Result) {
	f := d.facts
	last := f.CommittedAt
	for _, at := range []*time.Time{f.FrozenAt, f.RootedAt, f.DrawnAt} {
		if at == nil {
			continue
		}
		if last != nil && at.Before(*last) {
			r.violate("the steps of the draw are out of order: %s before %s", at.UTC(), last.UTC())
		}
		last = at
	}
	given, isGiven := d.ledger[ledger.BeaconGiven]
	_, isWaived := d.ledger[ledger.BeaconWaived]
	switch {
	case f.BeaconValue != nil && (!isGiven || given.Value != *f.BeaconValue):
		r.violate("the beacon's value is not the one that was given")
	case f.BeaconValue == nil && isGiven:
		r.violate("the beacon's value that was given is gone")
	case (f.WaivedAt != nil) != isWaived:
		r.violate("the ledger disagrees on whether the beacon was waived")
	case f.DrawnAt != nil && f.BeaconName != nil && f.BeaconValue == nil && f.WaivedAt == nil:
		r.violate("the draw was held without its beacon, which nobody disclosed")
	}
}

// rootVerifies recomputes the root from the spots that are there now.
func (l *line) rootVerifies(r *Result) {
	f := l.draw.facts
	if f.LobbySize == nil {
		r.violate("there is a root of a lobby without a size")
		return
	}
	var leaves [][32]byte
	for _, s := range l.spots {
		if s.Arrival <= *f.LobbySize {
			leaves = append(leaves, merkle.LeafHash([]byte(s.ID.String()+":"+strconv.FormatInt(s.Arrival, 10))))
		}
	}
	r.Checked += int64(len(leaves))
	if root := merkle.Root(leaves); int64(len(leaves)) != *f.LobbySize || !bytes.Equal(root[:], f.Root) {
		r.violate("the root of the %d spots in a lobby of %d is %x, the published one %x", len(leaves), *f.LobbySize, root, f.Root)
	}
	l.draw.agrees(r, ledger.DrawRooted, "root", f.Root, l.draw.ledger[ledger.DrawRooted].Root)
}

// numbersVerify compares the seed with its own computation, and the numbers that the ledger gives to spots with the
// published algorithm.
func (l *line) numbersVerify(r *Result) {
	d := &l.draw
	f := d.facts
	if !bytes.Equal(d.seed[:], f.Seed) {
		r.violate("the seed is %x, it recomputes to %x", f.Seed, d.seed)
	}
	d.agrees(r, ledger.Drawn, "seed", f.Seed, d.ledger[ledger.Drawn].Seed)
	arrivals := make(map[uuid.UUID]int64, len(l.returns))
	for _, row := range l.returns {
		arrivals[returned(row).Spot] = 0
	}
	for _, s := range l.spots {
		if _, asked := arrivals[s.ID]; asked {
			arrivals[s.ID] = s.Arrival
		}
	}
	for _, row := range l.returns {
		back := returned(row)
		if a := arrivals[back.Spot]; back.Number > 0 && a > 0 && d.number(a) != back.Number {
			r.violate("spot %s has number %d, the ledger called it %d", back.Spot, d.number(a), back.Number)
		}
	}
}

// back is a returned row of the ledger; the number is 0 where it was not known.
type back struct {
	Spot   uuid.UUID
	Number int64
}

func returned(row auditdb.DecisionsRow) (b back) {
	_ = json.Unmarshal(row.Body, &b) // noOvertaking names what is no return
	return b
}
