package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/catalogdb"
	"fairqueue/internal/fault"
)

// Details is what an organizer changes about an event; nil leaves a field as it is. Its address stays.
type Details struct {
	Name, Venue, Timezone *string
	StartsAt              *time.Time
}

// Changed is a show before and after, and all its events, which have their details in common.
type Changed struct {
	Was, Is NewEvent
	Events  []uuid.UUID
}

// Any reports whether something is different.
func (c Changed) Any() bool {
	return c.Was.Name != c.Is.Name || c.Was.Venue != c.Is.Venue || c.Was.Timezone != c.Is.Timezone || !c.Was.StartsAt.Equal(c.Is.StartsAt)
}

// ChangeTx changes the details of an event and of all sales of its show; 422 with the field's path.
func ChangeTx(ctx context.Context, tx pgx.Tx, event uuid.UUID, d Details) (Changed, error) {
	show, err := LockShowTx(ctx, tx, event)
	if err != nil {
		return Changed{}, err
	}
	c := Changed{Was: show.Facts, Is: show.Facts}
	for _, f := range []struct {
		to  *string
		new *string
	}{{&c.Is.Name, d.Name}, {&c.Is.Venue, d.Venue}, {&c.Is.Timezone, d.Timezone}} {
		if f.new != nil {
			*f.to = *f.new
		}
	}
	if d.StartsAt != nil {
		// As the database keeps it, so that the same time again changes nothing.
		c.Is.StartsAt = d.StartsAt.Truncate(time.Microsecond)
	}
	var wrong []fault.Field
	if c.Is, wrong = Check(c.Is); len(wrong) > 0 {
		return Changed{}, fault.InvalidField(wrong...)
	}
	if !c.Any() {
		return c, nil
	}
	c.Events, err = catalogdb.New().ChangeShow(ctx, tx, catalogdb.ChangeShowParams{
		Name: c.Is.Name, Venue: c.Is.Venue, Timezone: c.Is.Timezone, StartsAt: c.Is.StartsAt, ShowID: show.ID,
	})
	if err != nil {
		return Changed{}, db.Fault(fmt.Errorf("catalog.ChangeTx: %w", err))
	}
	return c, nil
}
