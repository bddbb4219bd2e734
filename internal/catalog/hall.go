package catalog

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/db"
	"fairqueue/internal/db/catalogdb"
)

// Hall is the seat map of an event with the ids of its seats, in the order of the map. It never changes.
type Hall struct {
	Map *seatmap.Map
	IDs []uuid.UUID

	numbers map[uuid.UUID]int
	places  []place
	// elsewhere are the seats that another sale of the show sells; nil for none.
	elsewhere []bool
}

type place struct{ section, row, seat int32 }

// Place is where a seat is, as printed.
type Place struct {
	Section, Row, Label string
}

// Number is the place of a seat in the map, from 0.
func (h *Hall) Number(id uuid.UUID) (number int, ok bool) {
	number, ok = h.numbers[id]
	return number, ok
}

// Seat is the seat of a number.
func (h *Hall) Seat(number int) *seatmap.Seat {
	p := h.places[number]
	return &h.Map.Sections[p.section].Rows[p.row].Seats[p.seat]
}

// Elsewhere reports that the seat of a number is only drawn here: another sale of the show sells it, and there is no unit
// of it. Such a seat reads blocked.
func (h *Hall) Elsewhere(number int) bool { return h.elsewhere != nil && h.elsewhere[number] }

// Place says where the seat of a number is.
func (h *Hall) Place(number int) Place {
	p := h.places[number]
	s := &h.Map.Sections[p.section]
	return Place{Section: s.Name, Row: s.Rows[p.row].Name, Label: s.Rows[p.row].Seats[p.seat].Label}
}

// InsertHallTx stores the seat map of an event whose tiers are stored.
func InsertHallTx(ctx context.Context, tx pgx.Tx, event uuid.UUID, m *seatmap.Map) error {
	return insertHall(ctx, tx, event, m, nil)
}

// insertHall stores a map in which only some seats, by number, are sold; nil: all.
func insertHall(ctx context.Context, tx pgx.Tx, event uuid.UUID, m *seatmap.Map, sold map[int]bool) error {
	q := catalogdb.New()
	if err := q.Patience(ctx, tx); err != nil {
		return db.Fault(fmt.Errorf("catalog.InsertHallTx: %w", err))
	}
	if err := q.InsertSeatMap(ctx, tx, event, m.FocalX, m.FocalY, m.AllowOrphans); err != nil {
		return db.Fault(fmt.Errorf("catalog.InsertHallTx: %w", err))
	}
	sections := catalogdb.InsertSeatSectionsParams{EventID: event}
	var rowSections, rowOrdinals []int32
	var rowNames []string
	seats := catalogdb.InsertSeatsParams{EventID: event}
	for i, s := range m.Sections {
		sections.Keys = append(sections.Keys, s.ID)
		sections.Names = append(sections.Names, s.Name)
		sections.Kinds = append(sections.Kinds, string(s.Kind))
		sections.Tiers = append(sections.Tiers, int32(s.Tier))               //nolint:gosec // an index of a short list
		sections.Capacities = append(sections.Capacities, int32(s.Capacity)) //nolint:gosec // bounded by seatmap
		ids, err := sectionIDs(s)
		if err != nil {
			return err
		}
		for r, row := range s.Rows {
			rowSections = append(rowSections, int32(i)) //nolint:gosec // bounded by seatmap
			rowOrdinals = append(rowOrdinals, int32(r)) //nolint:gosec // bounded by seatmap
			rowNames = append(rowNames, row.Name)
			for _, seat := range row.Seats {
				seats.Ids = append(seats.Ids, ids[seat.Label])
				seats.Sections = append(seats.Sections, int32(i))   //nolint:gosec // bounded by seatmap
				seats.SeatRows = append(seats.SeatRows, int32(r))   //nolint:gosec // bounded by seatmap
				seats.Tiers = append(seats.Tiers, int32(seat.Tier)) //nolint:gosec // an index of a short list
				seats.Labels = append(seats.Labels, seat.Label)
				seats.Xs = append(seats.Xs, seat.X)
				seats.Ys = append(seats.Ys, seat.Y)
				seats.Accessible = append(seats.Accessible, seat.Accessible)
				seats.Companions = append(seats.Companions, ids[seat.CompanionOf])
				seats.Restricted = append(seats.Restricted, seat.Restricted)
				elsewhere := sold != nil && !sold[len(seats.Ids)-1]
				seats.Blocked = append(seats.Blocked, seat.Blocked || elsewhere)
				seats.Elsewhere = append(seats.Elsewhere, elsewhere)
				seats.Aisles = append(seats.Aisles, seat.Aisle)
			}
		}
	}
	if err := q.InsertSeatSections(ctx, tx, sections); err != nil {
		return db.Fault(fmt.Errorf("catalog.InsertHallTx: sections: %w", err))
	}
	if err := q.InsertSeatRows(ctx, tx, event, rowSections, rowOrdinals, rowNames); err != nil {
		return db.Fault(fmt.Errorf("catalog.InsertHallTx: rows: %w", err))
	}
	if err := q.InsertSeats(ctx, tx, seats); err != nil {
		return db.Fault(fmt.Errorf("catalog.InsertHallTx: seats: %w", err))
	}
	return nil
}

// sectionIDs gives the seats of a section their ids, by label.
func sectionIDs(s seatmap.Section) (map[string]uuid.UUID, error) {
	ids := map[string]uuid.UUID{}
	for _, row := range s.Rows {
		for _, seat := range row.Seats {
			// In the order of time, so that the index grows at its end.
			id, err := uuid.NewV7()
			if err != nil {
				return nil, fmt.Errorf("catalog: id of a seat: %w", err)
			}
			ids[seat.Label] = id
		}
	}
	return ids, nil
}

// HallOf reads the seat map of an event; nil where there is none.
func HallOf(ctx context.Context, c db.Conn, event uuid.UUID) (*Hall, error) {
	q := catalogdb.New()
	head, err := q.SeatMap(ctx, c, event)
	if db.NoRows(err) {
		return nil, nil //nolint:nilnil // most events have none
	}
	if err != nil {
		return nil, db.Fault(fmt.Errorf("catalog.HallOf: %w", err))
	}
	sections, err := q.SeatSections(ctx, c, event)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("catalog.HallOf: sections: %w", err))
	}
	rows, err := q.SeatRows(ctx, c, event)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("catalog.HallOf: rows: %w", err))
	}
	seats, err := q.Seats(ctx, c, event)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("catalog.HallOf: seats: %w", err))
	}
	h := &Hall{
		Map: &seatmap.Map{FocalX: head.FocalX, FocalY: head.FocalY, AllowOrphans: head.AllowOrphans},
		IDs: make([]uuid.UUID, len(seats)), numbers: make(map[uuid.UUID]int, len(seats)), places: make([]place, len(seats)),
	}
	for _, s := range sections {
		h.Map.Sections = append(h.Map.Sections, seatmap.Section{ID: s.Key, Name: s.Name, Kind: seatmap.Kind(s.Kind), Tier: int(s.Tier), Capacity: int(s.Capacity)})
	}
	for _, r := range rows {
		s := &h.Map.Sections[r.Section]
		s.Rows = append(s.Rows, seatmap.Row{Name: r.Name})
	}
	labels := make(map[uuid.UUID]string, len(seats))
	for i, s := range seats {
		h.IDs[i], h.numbers[s.ID] = s.ID, i
		if s.Elsewhere {
			if h.elsewhere == nil {
				h.elsewhere = make([]bool, len(seats))
			}
			h.elsewhere[i] = true
		}
		labels[s.ID] = s.Label
	}
	for i, s := range seats {
		row := &h.Map.Sections[s.Section].Rows[s.SeatRow]
		seat := seatmap.Seat{
			Label: s.Label, Tier: int(s.Tier), X: s.X, Y: s.Y, Accessible: s.Accessible, Restricted: s.Restricted, Blocked: s.Blocked, Aisle: s.Aisle,
		}
		if s.CompanionOf != nil {
			seat.CompanionOf = labels[*s.CompanionOf]
		}
		h.places[i] = place{s.Section, s.SeatRow, int32(len(row.Seats))} //nolint:gosec // bounded by seatmap
		row.Seats = append(row.Seats, seat)
	}
	return h, nil
}
