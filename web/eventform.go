package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/beacon"
	"fairqueue/internal/catalog"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// maxTierRows bounds the rows that a form may bring.
const maxTierRows = 50

// localTime is how browsers send datetime-local, with or without seconds.
var localTimes = []string{"2006-01-02T15:04", "2006-01-02T15:04:05"}

func (s *Server) newEvent(c echo.Context) error {
	personal(c)
	if _, _, err := s.organization(c); err != nil {
		return foundFirst(c, err)
	}
	d := sale.DefaultTerms()
	v := views.EventFormView{
		Timezone: "Africa/Lagos", Ordering: string(sale.Draw),
		MaxPerFan:      strconv.Itoa(d.MaxTicketsPerFan),
		AdmitPerMinute: strconv.Itoa(d.AdmitPerMinute), MaxInside: strconv.Itoa(d.MaxInside),
		TurnSeconds: strconv.Itoa(d.TurnSeconds), VisitSeconds: strconv.Itoa(d.VisitSeconds),
		HoldSeconds: strconv.Itoa(d.HoldSeconds), GraceSeconds: strconv.Itoa(d.GraceSeconds),
	}
	return s.page(c, views.EventFormPage(s.frame(c), v))
}

// foundFirst leads somebody without an organization to where they can found one.
func foundFirst(c echo.Context, err error) error {
	if fault.Code(err) == "not_organizer" {
		return see(c, "/organizer")
	}
	return err
}

// organization returns the organization of the person who is signed in.
func (s *Server) organization(c echo.Context) (org uuid.UUID, id account.Identity, err error) {
	if id, err = required(c, "/organizer/events/new"); err != nil {
		return org, id, err
	}
	org, err = s.cfg.Accounts.Organization(c.Request().Context(), id.AccountID)
	return org, id, err
}

func (s *Server) createEvent(c echo.Context) error {
	personal(c)
	org, id, err := s.organization(c)
	if err != nil {
		return foundFirst(c, err)
	}
	v, n, errs := readEventForm(c)
	if wrong := n.Terms.CheckBeacon(s.now()); len(wrong) > 0 {
		addErrors(errs, &fault.Error{Fields: wrong})
	}
	if len(errs) == 0 {
		// A double click sends the same form twice: that is one event.
		sum := sha256.Sum256([]byte(id.AccountID.String() + "\n" + c.Request().PostForm.Encode()))
		made, _, err := s.drafts.get(hex.EncodeToString(sum[:]), func() (uuid.UUID, error) {
			e, err := s.cfg.Sales.Create(c.Request().Context(), org, n)
			if err != nil {
				return uuid.UUID{}, err
			}
			return e.ID(), nil
		})
		if err == nil {
			return see(c, "/organizer/events/"+made.String())
		}
		switch f := fault.From(err); {
		case f.Kind == fault.Invalid && len(f.Fields) > 0:
			errs = fieldErrors(f)
		case f.Kind == fault.Conflict || f.Kind == fault.Invalid:
			v.Problem = problem(f)
			return s.render(c, fault.Status(err), views.EventFormPage(s.frame(c), v))
		default:
			return err
		}
	}
	// What could be read may be wrong as well: everything is said at once.
	if _, err := n.Check(); err != nil {
		addErrors(errs, fault.From(err))
	}
	v.Errors = errs
	return s.render(c, http.StatusUnprocessableEntity, views.EventFormPage(s.frame(c), v))
}

// addErrors adds what a check says of fields that nothing was said of.
func addErrors(errs map[string]string, f *fault.Error) {
	for name, words := range fieldErrors(f) {
		if errs[name] == "" {
			errs[name] = words
		}
	}
}

// readEventForm reads the form as it was typed and as the sale it means; errs
// says what could not be read, by field.
func readEventForm(c echo.Context) (v views.EventFormView, n sale.NewSale, errs map[string]string) {
	errs = map[string]string{}
	text := func(name string) string { return strings.TrimSpace(c.FormValue(name)) }
	v = views.EventFormView{
		Name: text("name"), Venue: text("venue"), Timezone: text("timezone"),
		StartsAt: text("starts_at"), LobbyOpensAt: text("lobby_opens_at"), OpensAt: text("opens_at"), ClosesAt: text("closes_at"),
		Ordering: text("ordering"), MaxPerFan: text("max_tickets_per_fan"),
		AdmitPerMinute: text("admit_per_minute"), MaxInside: text("max_inside"),
		TurnSeconds: text("turn_seconds"), VisitSeconds: text("visit_seconds"),
		HoldSeconds: text("hold_seconds"), GraceSeconds: text("grace_seconds"),
		BeaconName: text("beacon.name"), BeaconRound: text("beacon.round"), BeaconURL: text("beacon.url"),
	}
	n.Event = catalog.NewEvent{Name: v.Name, Venue: v.Venue, Timezone: v.Timezone}
	n.Terms = sale.DefaultTerms()
	n.Terms.Ordering = sale.Ordering(v.Ordering)

	zone, err := time.LoadLocation(v.Timezone)
	if err != nil || v.Timezone == "" || v.Timezone == "Local" {
		zone = time.UTC // sale's check says that the zone is wrong.
	}
	when := func(name, value string, to *time.Time) {
		at, err := parseLocal(value, zone)
		switch {
		case value == "":
			errs[name] = "Choose a date and a time."
		case err != nil:
			errs[name] = "Write the date and the time like 2026-12-12T20:00."
		default:
			*to = at
		}
	}
	when("starts_at", v.StartsAt, &n.Event.StartsAt)
	when("opens_at", v.OpensAt, &n.Terms.OpensAt)
	when("closes_at", v.ClosesAt, &n.Terms.ClosesAt)
	if v.LobbyOpensAt != "" {
		var at time.Time
		when("lobby_opens_at", v.LobbyOpensAt, &at)
		n.Terms.LobbyOpensAt = &at
	} else if n.Terms.Ordering == sale.Draw {
		errs["lobby_opens_at"] = "A draw is among those in the lobby. Choose when the lobby opens, or a sale without a draw."
	}
	for _, f := range []struct {
		name, value string
		to          *int
	}{
		{"max_tickets_per_fan", v.MaxPerFan, &n.Terms.MaxTicketsPerFan},
		{"admit_per_minute", v.AdmitPerMinute, &n.Terms.AdmitPerMinute},
		{"max_inside", v.MaxInside, &n.Terms.MaxInside},
		{"turn_seconds", v.TurnSeconds, &n.Terms.TurnSeconds},
		{"visit_seconds", v.VisitSeconds, &n.Terms.VisitSeconds},
		{"hold_seconds", v.HoldSeconds, &n.Terms.HoldSeconds},
		{"grace_seconds", v.GraceSeconds, &n.Terms.GraceSeconds},
	} {
		if f.value == "" {
			continue // The usual number.
		}
		var err error
		if *f.to, err = strconv.Atoi(f.value); err != nil {
			errs[f.name] = "Write a whole number."
		}
	}
	readBeacon(v, &n.Terms, errs)
	v.Tiers, n.Tiers = readTiers(text, errs)
	return v, n, errs
}

// readBeacon reads the beacon of a draw. Without a round the first one that counts is taken, where it is known when
// rounds come.
func readBeacon(v views.EventFormView, t *sale.Terms, errs map[string]string) {
	if t.Ordering != sale.Draw && v.BeaconRound == "" && v.BeaconURL == "" {
		return // A name left over from a draw that was not chosen after all.
	}
	t.BeaconName, t.BeaconURL = v.BeaconName, v.BeaconURL
	if v.BeaconName == "" && v.BeaconRound == "" {
		return
	}
	if v.BeaconRound == "" {
		var known bool
		if t.BeaconRound, known = beacon.RoundAfter(v.BeaconName, t.OpensAt.Add(beacon.Lead)); !known {
			errs["beacon.round"] = "Write the round: of this beacon we do not know when its rounds come."
		}
		return
	}
	var err error
	if t.BeaconRound, err = strconv.ParseInt(strings.ReplaceAll(v.BeaconRound, ",", ""), 10, 64); err != nil {
		errs["beacon.round"] = "Write the round as a whole number."
	}
}

func readTiers(text func(string) string, errs map[string]string) (typed []views.TierForm, tiers []sale.NewTier) {
	for i := range maxTierRows {
		at := "tiers." + strconv.Itoa(i)
		row := views.TierForm{Name: text(at + ".name"), Price: text(at + ".price"), Capacity: text(at + ".capacity")}
		if row == (views.TierForm{}) {
			continue
		}
		// Empty rows between are closed, so that errors stand at the row that
		// the page shows next.
		at = "tiers." + strconv.Itoa(len(typed))
		typed = append(typed, row)
		t := sale.NewTier{Name: row.Name}
		var err error
		if t.Price, err = parseNaira(row.Price); err != nil {
			errs[at+".price"] = "Write the price in naira, such as 12500. Write 0 for free tickets."
		}
		if t.Capacity, err = strconv.Atoi(strings.ReplaceAll(row.Capacity, ",", "")); err != nil {
			errs[at+".capacity"] = "Write how many tickets there are."
		}
		tiers = append(tiers, t)
	}
	return typed, tiers
}

// parseLocal reads a wall clock time in a zone. Times that a change of clocks
// leaves out or repeats are taken as time.Date takes them.
func parseLocal(value string, zone *time.Location) (t time.Time, err error) {
	for _, layout := range localTimes {
		if t, err = time.ParseInLocation(layout, value, zone); err == nil {
			return t.UTC(), nil
		}
	}
	return t, err
}

var naira = regexp.MustCompile(`^(?:₦|NGN)?\s*([0-9]{1,3}(?:[, ]?[0-9]{3})*|[0-9]+)(?:\.([0-9]{1,2}))?$`)

// parseNaira reads "12500", "12,500", "₦12 500.50".
func parseNaira(text string) (money.Kobo, error) {
	m := naira.FindStringSubmatch(text)
	if m == nil {
		return 0, errNaira
	}
	whole := strings.NewReplacer(",", "", " ", "").Replace(m[1])
	kobo := (m[2] + "00")[:2]
	if len(whole) > 13 {
		return 0, errNaira
	}
	n, err := strconv.ParseInt(whole+kobo, 10, 64)
	return money.Kobo(n), err
}

var errNaira = fault.New(fault.Invalid, "invalid_request", "Not an amount in naira.")

var tierPath = regexp.MustCompile(`^tiers\[(\d+)\]\.(\w+)$`)

// fieldErrors turns paths of the JSON API into names of our inputs.
func fieldErrors(f *fault.Error) map[string]string {
	out := make(map[string]string, len(f.Fields))
	for _, field := range f.Fields {
		name := strings.TrimPrefix(field.Path, "sale.")
		if m := tierPath.FindStringSubmatch(name); m != nil {
			part := m[2]
			if part == "price_kobo" {
				part = "price"
			}
			name = "tiers." + m[1] + "." + part
		}
		if out[name] == "" {
			out[name] = field.Message
		}
	}
	return out
}
