package catalog

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the binary runs where the machine has no time zones
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"

	"fairqueue/internal/db"
	"fairqueue/internal/db/catalogdb"
	"fairqueue/internal/fault"
)

// Event is a night people want to get into.
type Event struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	// ShowID is the id of the first event of the show; most are the only one.
	ShowID uuid.UUID
	Slug   string
	Name   string
	Venue  string
	// Timezone is an IANA name; Location is never nil.
	Timezone  string
	Location  *time.Location
	StartsAt  time.Time
	CreatedAt time.Time
}

// NewEvent is what an organizer gives. An empty Slug is made from the name.
type NewEvent struct {
	Name, Slug, Venue, Timezone string
	StartsAt                    time.Time
}

const (
	maxText = 200
	maxSlug = 80
)

var slugShape = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Check returns everything wrong with n, each with the path of its field, and n
// without space around its texts.
func Check(n NewEvent) (NewEvent, []fault.Field) {
	var wrong []fault.Field
	n.Name, n.Venue, n.Slug = strings.TrimSpace(n.Name), strings.TrimSpace(n.Venue), strings.TrimSpace(n.Slug)
	if msg := CheckText(n.Name, maxText); msg != "" {
		wrong = append(wrong, fault.Field{Path: "name", Message: "The name " + msg})
	}
	if n.Slug != "" {
		// An id is accepted wherever a slug is, so a slug must not look like one.
		_, err := uuid.Parse(n.Slug)
		if err == nil || len(n.Slug) > maxSlug || !slugShape.MatchString(n.Slug) {
			wrong = append(wrong, fault.Field{Path: "slug", Message: "The slug is made of small letters, digits and single hyphens, 80 at most, for example afro-nation-lagos."})
		}
	}
	if msg := CheckText(n.Venue, maxText); msg != "" {
		wrong = append(wrong, fault.Field{Path: "venue", Message: "The venue " + msg})
	}
	if _, err := Location(n.Timezone); err != nil {
		wrong = append(wrong, fault.Field{Path: "timezone", Message: "The time zone is a name such as Africa/Lagos."})
	}
	if !Sensible(n.StartsAt) {
		wrong = append(wrong, fault.Field{Path: "starts_at", Message: "Say when the event starts."})
	}
	return n, wrong
}

// Sensible reports whether t is an instant that people mean: years 2000 to 9998.
func Sensible(t time.Time) bool { return t.Year() >= 2000 && t.Year() < 9999 }

// CheckText returns the end of a sentence about what is wrong with a line of
// text that must not be empty, "" for nothing.
func CheckText(s string, limit int) string {
	switch {
	case s == "":
		return "is missing."
	case utf8.RuneCountInString(s) > limit:
		return fmt.Sprintf("is too long: %d characters at most.", limit)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return "holds characters that cannot be shown."
	}
	return ""
}

var locations sync.Map // name → *time.Location; there are a few hundred

// Location is the time zone of an IANA name.
func Location(name string) (*time.Location, error) {
	if l, ok := locations.Load(name); ok {
		return l.(*time.Location), nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("catalog.Location: %q is no time zone", name)
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("catalog.Location: %w", err)
	}
	locations.Store(name, l)
	return l, nil
}

// InsertTx stores a checked event of an organization. 409 slug_taken for a slug
// that was asked for; one that is made from the name gets an ending instead.
func InsertTx(ctx context.Context, tx pgx.Tx, organization uuid.UUID, n NewEvent) (uuid.UUID, error) {
	row := catalogdb.InsertEventParams{
		ID: uuid.New(), OrganizationID: organization, Slug: n.Slug,
		Name: n.Name, Venue: n.Venue, Timezone: n.Timezone, StartsAt: n.StartsAt,
	}
	base := n.Slug
	if base == "" {
		base = slugOf(n.Name)
		row.Slug = base
	}
	for range 5 {
		stored, err := catalogdb.New().InsertEvent(ctx, tx, row)
		if err != nil {
			return uuid.Nil, db.Fault(fmt.Errorf("catalog.InsertTx: %w", err))
		}
		if stored == 1 {
			return row.ID, nil
		}
		if n.Slug != "" {
			return uuid.Nil, slugTaken()
		}
		row.Slug = base + "-" + strings.ToLower(rand.Text()[:6])
	}
	return uuid.Nil, fmt.Errorf("catalog.InsertTx: no free slug for %q", base)
}

func slugTaken() error {
	return &fault.Error{
		Kind: fault.Conflict, Code: "slug_taken", Message: "Another event has this slug already. Choose another, or leave it out.",
		Fields: []fault.Field{{Path: "slug", Message: "Another event has this slug already."}},
	}
}

// slugOf makes a slug of a name: its letters and digits without accents.
func slugOf(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			// Accents stand apart after NFKD and leave no gap, nor do apostrophes.
			if !unicode.Is(unicode.Mn, r) && r != '\'' && r != '’' {
				gap = true
			}
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('-')
		}
		gap = false
		b.WriteRune(r)
		if b.Len() >= 60 {
			break
		}
	}
	slug := strings.Trim(b.String(), "-")
	if _, err := uuid.Parse(slug); slug == "" || err == nil {
		return "event-" + strings.ToLower(rand.Text()[:6])
	}
	return slug
}
