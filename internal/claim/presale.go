package claim

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/db/claimdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/sale"
)

// Presale keeps a tier, or a block of seats, for those who have a code until it is public.
type Presale struct {
	ID       uuid.UUID
	Name     string
	TierID   uuid.UUID // zero: a block of seats
	Seats    int       // how many seats the block has
	PublicAt time.Time
	Codes    int // how many codes there are
	Unlocked int // how many fans have given one
	// EndedAt is when it became public, by the clock or because the organizer ended it; zero while it runs.
	EndedAt time.Time
}

// Running reports whether the presale keeps anything from anybody.
func (p Presale) Running() bool { return p.EndedAt.IsZero() }

// NewPresale is a presale to be made.
type NewPresale struct {
	Name     string
	TierID   uuid.UUID
	Seats    []uuid.UUID
	PublicAt time.Time
	// Codes are given, or so many made up; each counts for so many fans.
	Codes       []string
	Generate    int
	UsesPerCode int
}

const (
	maxPresaleSeats = 20_000
	maxGiven        = 1_000
	maxGenerated    = 10_000
	maxUses         = 100_000
)

var (
	errPresaleOnly  = fault.New(fault.Forbidden, "presale_only", "These tickets are kept for fans with a presale code for now. Give your code first, or choose others.")
	errKeptLeft     = fault.New(fault.Conflict, "sold_out", "What is left of this kind is kept for fans with a presale code for now. Give your code, or choose another kind.")
	errTierClosed   = fault.New(fault.Conflict, "tier_not_on_sale", "Tickets of this kind are not on sale now. Choose another kind.")
	errNoPresale    = fault.New(fault.NotFound, "presale_not_found", "The event has no such presale.")
	errKept         = fault.New(fault.Conflict, "presale_overlaps", "Another presale keeps some of this already. End it first, or leave those places out.")
	errSaleOver     = fault.New(fault.Conflict, "invalid_transition", "The sale is over, so nothing can be kept or added any more.").With("state", sale.Ended)
	errPresaleTimes = "A presale becomes public later than now and before the sale closes."
)

// check returns n with the space around its name removed, and everything wrong with it at once.
func (n NewPresale) check(event *sale.Snapshot, hall *catalog.Hall) (NewPresale, error) {
	var wrong []fault.Field
	add := func(path, msg string) { wrong = append(wrong, fault.Field{Path: path, Message: msg}) }
	n.Name = tidyName(n.Name)
	if msg := catalog.CheckText(n.Name, 100); msg != "" {
		add("name", "The name of the presale "+msg)
	}
	_, known := event.Tier(n.TierID)
	switch {
	case n.TierID != uuid.Nil && n.Seats != nil:
		add("seat_ids", "Keep a tier or a block of seats, not both.")
	case n.TierID == uuid.Nil && n.Seats == nil:
		add("tier_id", "Say what is kept: a tier, or a block of seats.")
	case n.TierID != uuid.Nil && !known:
		add("tier_id", "Choose a tier of this event.")
	case n.Seats != nil:
		wrong = append(wrong, wrongSeats(hall, n.Seats, "seat_ids", maxPresaleSeats)...)
	}
	if !n.PublicAt.After(event.At) || n.PublicAt.After(event.Terms.ClosesAt) {
		add("public_at", errPresaleTimes)
	}
	switch {
	case len(n.Codes) > 0 && n.Generate > 0:
		add("generate", "Give codes or let us make them, not both.")
	case len(n.Codes) == 0 && (n.Generate < 1 || n.Generate > maxGenerated):
		add("generate", fmt.Sprintf("Between 1 and %d codes can be made, or give your own.", maxGenerated))
	case len(n.Codes) > maxGiven:
		add("codes", fmt.Sprintf("At most %d codes can be given.", maxGiven))
	}
	seen := map[string]bool{}
	for i, c := range n.Codes[:min(len(n.Codes), maxGiven)] {
		plain, ok := plainCode(c)
		switch path := "codes[" + strconv.Itoa(i) + "]"; {
		case !ok:
			add(path, "A code has 6 to 40 letters and digits; spaces and dashes do not count.")
		case seen[plain]:
			add(path, "This code is there twice.")
		}
		seen[plain] = true
	}
	if n.UsesPerCode == 0 {
		n.UsesPerCode = 1
	}
	if n.UsesPerCode < 1 || n.UsesPerCode > maxUses {
		add("uses_per_code", fmt.Sprintf("A code is good for between 1 and %d fans.", maxUses))
	}
	if len(wrong) > 0 {
		return n, fault.InvalidField(wrong...)
	}
	return n, nil
}

// wrongSeats is what is wrong with a list of seats of an event.
func wrongSeats(hall *catalog.Hall, ids []uuid.UUID, path string, most int) (wrong []fault.Field) {
	if len(ids) < 1 || len(ids) > most {
		return []fault.Field{{Path: path, Message: fmt.Sprintf("Name between 1 and %d seats.", most)}}
	}
	seen := make(map[uuid.UUID]bool, len(ids))
	for i, id := range ids {
		known := false
		if hall != nil {
			_, known = hall.Number(id)
		}
		switch at := path + "[" + strconv.Itoa(i) + "]"; {
		case !known:
			wrong = append(wrong, fault.Field{Path: at, Message: "This is not a seat of this event."})
		case seen[id]:
			wrong = append(wrong, fault.Field{Path: at, Message: "This seat is there twice."})
		}
		seen[id] = true
	}
	return wrong
}

// CreatePresale makes a presale and returns its codes, which are told this once. 422; 409 presale_overlaps (seats where it
// is about some of them), code_taken (codes: their indexes), invalid_transition for a sale that is over.
func (s *Service) CreatePresale(ctx context.Context, event *sale.Snapshot, by uuid.UUID, n NewPresale) (Presale, []string, error) {
	b, err := s.book(ctx, event.ID())
	if err != nil {
		return Presale{}, nil, err
	}
	if n, err = n.check(event, b.hall); err != nil {
		return Presale{}, nil, err
	}
	codes := n.Codes
	if n.Generate > 0 {
		codes = makeCodes(n.Generate)
	}
	p := Presale{ID: uuid.New(), Name: n.Name, TierID: n.TierID, Seats: len(n.Seats), PublicAt: n.PublicAt.UTC(), Codes: len(codes)}
	if t, _ := event.Tier(n.TierID); t.Seated {
		for number := range b.hall.IDs {
			if b.hall.Seat(number).Tier == t.Ordinal {
				p.Seats++
			}
		}
	}
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		if state, err := sale.StateTx(ctx, tx, event.ID()); err != nil {
			return err
		} else if state == sale.Ended {
			return errSaleOver
		}
		if err := s.q.Patience(ctx, tx); err != nil {
			return err
		}
		if err := s.keep(ctx, tx, event.ID(), p, b.hall, n.Seats); err != nil {
			return err
		}
		if err := s.storeCodes(ctx, tx, event.ID(), p.ID, codes, n.UsesPerCode); err != nil {
			return err
		}
		body := map[string]any{"presale": p.ID, "by": by, "public_at": p.PublicAt, "codes": len(codes), "uses_per_code": n.UsesPerCode}
		if p.TierID != uuid.Nil {
			body["tier"] = p.TierID
		} else {
			body["seats"] = n.Seats
		}
		return ledger.Write(ctx, tx, event.ID(), ledger.PresaleMade, body)
	})
	if err != nil {
		return Presale{}, nil, db.Fault(fmt.Errorf("claim.CreatePresale: %w", err))
	}
	b.gates.forget()
	_, err = s.cfg.Sales.Fresh(ctx, event.ID())
	return p, codes, err
}

// keep writes down a presale and what it keeps.
func (s *Service) keep(ctx context.Context, tx pgx.Tx, event uuid.UUID, p Presale, hall *catalog.Hall, seats []uuid.UUID) error {
	if err := s.q.EndPublic(ctx, tx, event); err != nil {
		return err
	}
	tier := &p.TierID
	if p.TierID == uuid.Nil {
		tier = nil
	}
	n, err := s.q.InsertPresale(ctx, tx, claimdb.InsertPresaleParams{
		ID: p.ID, EventID: event, Name: p.Name, TierID: tier, Seats: int32(p.Seats), PublicAt: p.PublicAt, //nolint:gosec // bounded
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return errKept
	}
	if p.Seats == 0 {
		return nil
	}
	if seats == nil {
		seats = []uuid.UUID{}
	}
	kept, err := s.q.KeepSeats(ctx, tx, p.ID, event, tier, seats)
	if err != nil || len(kept) == p.Seats {
		return err
	}
	if tier != nil {
		return errKept
	}
	lost, ours := []NamedSeat{}, setOf(kept)
	for _, id := range seats {
		if !ours[id] {
			number, _ := hall.Number(id)
			lost = append(lost, named(hall, number))
		}
	}
	return errKept.With("seats", lost)
}

// storeCodes keeps the HMACs of codes.
func (s *Service) storeCodes(ctx context.Context, tx pgx.Tx, event, presale uuid.UUID, codes []string, uses int) error {
	row := claimdb.InsertCodesParams{PresaleID: presale, EventID: event, Uses: int32(uses)} //nolint:gosec // bounded
	for _, c := range codes {
		mac, err := s.codeMAC(event, c)
		if err != nil {
			return err
		}
		row.Ids, row.Macs = append(row.Ids, uuid.New()), append(row.Macs, mac)
	}
	stored, err := s.q.InsertCodes(ctx, tx, row)
	if err != nil || len(stored) == len(codes) {
		return err
	}
	taken, ours := []int{}, setOf(stored)
	for i, id := range row.Ids {
		if !ours[id] {
			taken = append(taken, i)
		}
	}
	return fault.New(fault.Conflict, "code_taken", "Some of these codes belong to another presale of the event. Give others.").With("codes", taken)
}

// Presales lists the presales of an event, the newest first.
func (s *Service) Presales(ctx context.Context, event uuid.UUID) ([]Presale, error) {
	return s.presales(ctx, s.cfg.DB, event, nil)
}

func (s *Service) presales(ctx context.Context, c claimdb.DBTX, event uuid.UUID, one *uuid.UUID) ([]Presale, error) {
	rows, err := s.q.Presales(ctx, c, event, one)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("claim.Presales: %w", err))
	}
	out := make([]Presale, len(rows))
	for i, r := range rows {
		out[i] = Presale{ID: r.ID, Name: r.Name, TierID: idOf(r.TierID), Seats: int(r.Seats), PublicAt: r.PublicAt.UTC(), Codes: int(r.Codes), Unlocked: int(r.Unlocked)}
		switch {
		case r.EndedAt != nil:
			out[i].EndedAt = r.EndedAt.UTC()
		case !r.PublicAt.After(r.At):
			out[i].EndedAt = r.PublicAt.UTC()
		}
	}
	return out, nil
}

// EndPresale makes a presale public at once; ending it twice is fine. 404 presale_not_found.
func (s *Service) EndPresale(ctx context.Context, event *sale.Snapshot, by, presale uuid.UUID) error {
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		found, err := s.presales(ctx, tx, event.ID(), &presale)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return errNoPresale
		}
		n, err := s.q.EndPresale(ctx, tx, presale, event.ID())
		if err != nil || n == 0 || !found[0].Running() {
			return err
		}
		return ledger.Write(ctx, tx, event.ID(), ledger.PresaleEnded, map[string]any{"presale": presale, "by": by})
	})
	if err != nil {
		return db.Fault(fmt.Errorf("claim.EndPresale: %w", err))
	}
	b, err := s.book(ctx, event.ID())
	if err != nil {
		return err
	}
	b.gates.forget()
	_, err = s.cfg.Sales.Fresh(ctx, event.ID())
	return err
}

func setOf(ids []uuid.UUID) map[uuid.UUID]bool {
	set := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

func idOf(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}
