package catalog

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/db"
	"fairqueue/internal/db/catalogdb"
	"fairqueue/internal/fault"
)

// Show is what all sales of a show have in common.
type Show struct {
	// ID is that of its first event.
	ID    uuid.UUID
	Facts NewEvent
	// Sales is how many events it has.
	Sales int64
}

// LockShowTx is the show of an event, locked against other releases.
func LockShowTx(ctx context.Context, tx pgx.Tx, event uuid.UUID) (Show, error) {
	row, err := catalogdb.New().LockShow(ctx, tx, event)
	if err != nil {
		return Show{}, db.Fault(fmt.Errorf("catalog.LockShowTx: %w", err))
	}
	return Show{
		ID: row.ID, Sales: row.Sales,
		Facts: NewEvent{Name: row.Name, Slug: row.Slug, Venue: row.Venue, Timezone: row.Timezone, StartsAt: row.StartsAt},
	}, nil
}

// InsertReleaseTx stores another event of a locked show. An empty slug is made from that of the first; 409 slug_taken for
// one that was asked for.
func InsertReleaseTx(ctx context.Context, tx pgx.Tx, show Show, slug string) (uuid.UUID, error) {
	id := uuid.New()
	for try := range int64(10) {
		name := slug
		if slug == "" {
			ending := "-" + strconv.FormatInt(show.Sales+1+try, 10)
			if try > 4 {
				ending = "-" + strings.ToLower(rand.Text()[:6])
			}
			name = strings.TrimRight(show.Facts.Slug[:min(len(show.Facts.Slug), maxSlug-len(ending))], "-") + ending
		}
		stored, err := catalogdb.New().InsertRelease(ctx, tx, id, name, show.ID)
		if err != nil {
			return uuid.Nil, db.Fault(fmt.Errorf("catalog.InsertReleaseTx: %w", err))
		}
		if stored == 1 {
			return id, nil
		}
		if slug != "" {
			return uuid.Nil, slugTaken()
		}
	}
	return uuid.Nil, fmt.Errorf("catalog.InsertReleaseTx: no free slug for %q", show.Facts.Slug)
}

// Released is a seat that one sale of a show gives to another.
type Released struct {
	Number int
	// Tier and PriceKobo are those of the sale that gives it.
	Tier      string
	PriceKobo int64
}

// LockReleasedTx locks the units of some seats of a show and returns the seats in the order of the map, if each is blocked
// in the sale that sells it; what is wrong with the others comes back with the paths "seats[i]".
func LockReleasedTx(ctx context.Context, tx pgx.Tx, show uuid.UUID, ids []uuid.UUID) (seats []Released, wrong []fault.Field, err error) {
	q := catalogdb.New()
	if _, err := q.LockSeats(ctx, tx, ids); err != nil {
		return nil, nil, db.Fault(fmt.Errorf("catalog.LockReleasedTx: %w", err))
	}
	// A statement of its own: it sees what was committed before the locks were had.
	rows, err := q.SeatsOfShow(ctx, tx, ids, show)
	if err != nil {
		return nil, nil, db.Fault(fmt.Errorf("catalog.LockReleasedTx: %w", err))
	}
	byID := make(map[uuid.UUID]catalogdb.SeatsOfShowRow, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
		seats = append(seats, Released{Number: int(r.Number), Tier: r.Tier, PriceKobo: r.PriceKobo})
	}
	seen := make(map[uuid.UUID]bool, len(ids))
	for i, id := range ids {
		r, known := byID[id]
		msg := ""
		switch {
		case !known:
			msg = "This is not a seat of this event."
		case seen[id]:
			msg = "This seat is there twice."
		case !r.Here:
			msg = "Another sale of this event sells this seat already."
		case !r.Stocked:
			msg = "The sale of this seat is a draft. Publish it first."
		case !r.Blocked:
			msg = "This seat is not blocked. Block it first, so that nobody can buy it meanwhile."
		}
		seen[id] = true
		if msg != "" {
			wrong = append(wrong, fault.Field{Path: fmt.Sprintf("seats[%d]", i), Message: msg})
		}
	}
	return seats, wrong, nil
}

// ReleasedTier is a tier of a release as its hall knows it.
type ReleasedTier struct {
	Name     string
	Capacity int
}

// InsertReleasedHallTx stores the hall of a show as that of a release whose tiers are stored, by name: only some seats are
// sold in it. Standing sections come along where a tier has the name that theirs has in the show.
func InsertReleasedHallTx(ctx context.Context, tx pgx.Tx, show, release uuid.UUID, shown []string, tiers []ReleasedTier, seats []Released) error {
	hall, err := HallOf(ctx, tx, show)
	if err != nil {
		return err
	}
	if hall == nil {
		return fmt.Errorf("catalog.InsertReleasedHallTx: show %s has no seat map", show)
	}
	at := func(name string) int {
		return slices.IndexFunc(tiers, func(t ReleasedTier) bool { return t.Name == name })
	}
	sold, tierOf, seated := make(map[int]bool, len(seats)), make(map[int]int, len(seats)), map[string]bool{}
	numbers := make([]int32, len(seats))
	for i, s := range seats {
		sold[s.Number], tierOf[s.Number], seated[s.Tier] = true, at(s.Tier), true
		numbers[i] = int32(s.Number) //nolint:gosec // bounded by seatmap
	}
	m := *hall.Map
	m.Sections = nil
	n := 0
	for _, section := range hall.Map.Sections {
		if section.Kind == seatmap.Standing {
			if section.Tier = at(shown[section.Tier]); section.Tier >= 0 {
				section.Capacity = tiers[section.Tier].Capacity
				m.Sections = append(m.Sections, section)
			}
			continue
		}
		rows := make([]seatmap.Row, len(section.Rows))
		for r, row := range section.Rows {
			row.Seats = slices.Clone(row.Seats)
			for i := range row.Seats {
				seat := &row.Seats[i]
				switch name := shown[seat.Tier]; {
				case sold[n]:
					seat.Tier, seat.Blocked = tierOf[n], false
				case seated[name]:
					seat.Tier = at(name)
				default: // only drawn, so any will do
					seat.Tier = tierOf[seats[0].Number]
				}
				n++
			}
			rows[r] = row
		}
		section.Rows = rows
		m.Sections = append(m.Sections, section)
	}
	if err := insertHall(ctx, tx, release, &m, sold); err != nil {
		return err
	}
	if err := catalogdb.New().ReleaseSeats(ctx, tx, show, release, numbers); err != nil {
		return db.Fault(fmt.Errorf("catalog.InsertReleasedHallTx: %w", err))
	}
	return nil
}

// GivenAway are the numbers of the seats of an event that other sales of its show sell, although there are units of them
// here; those that are only drawn here are Hall.Elsewhere.
func GivenAway(ctx context.Context, c db.Conn, event uuid.UUID) ([]int, error) {
	rows, err := catalogdb.New().GivenAway(ctx, c, event)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("catalog.GivenAway: %w", err))
	}
	numbers := make([]int, len(rows))
	for i, n := range rows {
		numbers[i] = int(n)
	}
	return numbers, nil
}
