package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
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
	"fairqueue/internal/payment"
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
	v := views.EventFormView{Timezone: "Africa/Lagos", Ordering: string(sale.Draw)}
	usual(&v, d)
	return s.page(c, views.EventFormPage(s.frame(c), v))
}

// usual fills in the numbers of a sale.
func usual(v *views.EventFormView, t sale.Terms) {
	v.MaxPerFan = strconv.Itoa(t.MaxTicketsPerFan)
	v.AdmitPerMinute, v.MaxInside = strconv.Itoa(t.AdmitPerMinute), strconv.Itoa(t.MaxInside)
	v.TurnSeconds, v.VisitSeconds = strconv.Itoa(t.TurnSeconds), strconv.Itoa(t.VisitSeconds)
	v.HoldSeconds, v.GraceSeconds = strconv.Itoa(t.HoldSeconds), strconv.Itoa(t.GraceSeconds)
	v.Money.Hold, v.Money.TransferHold = seconds(t.HoldSeconds), payment.TransferHold
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
	if err := parseForm(c); err != nil {
		return err
	}
	v, n, errs := readEventForm(c)
	if do := formAction(c); do != "" {
		// The seat map of the form is another; nothing else is judged yet.
		v.Errors = nil
		status := http.StatusOK
		if len(v.Map.Errors) > 0 {
			status = http.StatusUnprocessableEntity
		}
		return s.render(c, status, views.EventFormPage(s.frame(c), v))
	}
	if wrong := n.Terms.CheckBeacon(s.now()); len(wrong) > 0 {
		addErrors(errs, &fault.Error{Fields: wrong})
	}
	if len(errs) == 0 && len(v.Map.Errors) == 0 {
		// A double click sends the same form twice: that is one event.
		form := sha256.Sum256(n.SeatMap)
		sum := sha256.Sum256([]byte(id.AccountID.String() + "\n" + hex.EncodeToString(form[:]) + "\n" + c.Request().PostForm.Encode()))
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
		// The map has said itself what is wrong with it, with paths as in the file.
		if errs[name] == "" && !strings.HasPrefix(name, "seat_map") {
			errs[name] = words
		}
	}
}

// readEventForm reads the form as it was typed and as the sale it means; errs
// says what could not be read, by field.
func readEventForm(c echo.Context) (v views.EventFormView, n sale.NewSale, errs map[string]string) {
	errs = map[string]string{}
	text := formText(c)
	v = views.EventFormView{Name: text("name"), Venue: text("venue"), Timezone: text("timezone"), StartsAt: text("starts_at")}
	n.Event = catalog.NewEvent{Name: v.Name, Venue: v.Venue, Timezone: v.Timezone}
	zone, err := time.LoadLocation(v.Timezone)
	if err != nil || v.Timezone == "" || v.Timezone == "Local" {
		zone = time.UTC // sale's check says that the zone is wrong.
	}
	readTime("starts_at", v.StartsAt, zone, &n.Event.StartsAt, errs)
	n.Terms = readTerms(text, c.Request().PostForm["channels"], zone, &v, errs)
	f := readMap(c)
	v.Tiers, n.Tiers = readTiers(text, f.tiers, zone, errs)
	names := make([]string, len(n.Tiers))
	for i, t := range n.Tiers {
		names[i] = t.Name
	}
	f.check(names)
	n.SeatMap = f.raw
	if f.m != nil {
		places, seated := f.m.Capacities(len(n.Tiers))
		for i := range v.Tiers {
			if v.Tiers[i].Places = places[i]; places[i] > 0 {
				v.Tiers[i].Seated = seated[i]
				// It follows from the map, whatever was typed before there was one.
				n.Tiers[i].Capacity, v.Tiers[i].Capacity = 0, ""
				delete(errs, "tiers."+strconv.Itoa(i)+".capacity")
			}
		}
	}
	v.Map = f.view
	return v, n, errs
}

func formText(c echo.Context) func(string) string {
	return func(name string) string { return strings.TrimSpace(c.FormValue(name)) }
}

// readTime reads a time that must be there.
func readTime(name, value string, zone *time.Location, to *time.Time, errs map[string]string) {
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

// readTerms reads the part of a form that says how tickets are sold.
func readTerms(text func(string) string, channels []string, zone *time.Location, v *views.EventFormView, errs map[string]string) sale.Terms {
	v.LobbyOpensAt, v.OpensAt, v.ClosesAt = text("lobby_opens_at"), text("opens_at"), text("closes_at")
	v.Ordering, v.MaxPerFan = text("ordering"), text("max_tickets_per_fan")
	v.AdmitPerMinute, v.MaxInside = text("admit_per_minute"), text("max_inside")
	v.TurnSeconds, v.VisitSeconds = text("turn_seconds"), text("visit_seconds")
	v.HoldSeconds, v.GraceSeconds = text("hold_seconds"), text("grace_seconds")
	v.BeaconName, v.BeaconRound, v.BeaconURL = text("beacon.name"), text("beacon.round"), text("beacon.url")
	t := sale.DefaultTerms()
	t.Ordering = sale.Ordering(v.Ordering)
	readTime("opens_at", v.OpensAt, zone, &t.OpensAt, errs)
	readTime("closes_at", v.ClosesAt, zone, &t.ClosesAt, errs)
	if v.LobbyOpensAt != "" {
		var at time.Time
		readTime("lobby_opens_at", v.LobbyOpensAt, zone, &at, errs)
		t.LobbyOpensAt = &at
	} else if t.Ordering == sale.Draw {
		errs["lobby_opens_at"] = "A draw is among those in the lobby. Choose when the lobby opens, or a sale without a draw."
	}
	for _, f := range []struct {
		name, value string
		to          *int
	}{
		{"max_tickets_per_fan", v.MaxPerFan, &t.MaxTicketsPerFan},
		{"admit_per_minute", v.AdmitPerMinute, &t.AdmitPerMinute},
		{"max_inside", v.MaxInside, &t.MaxInside},
		{"turn_seconds", v.TurnSeconds, &t.TurnSeconds},
		{"visit_seconds", v.VisitSeconds, &t.VisitSeconds},
		{"hold_seconds", v.HoldSeconds, &t.HoldSeconds},
		{"grace_seconds", v.GraceSeconds, &t.GraceSeconds},
	} {
		if f.value == "" {
			continue // The usual number.
		}
		var err error
		if *f.to, err = strconv.Atoi(f.value); err != nil {
			errs[f.name] = "Write a whole number."
		}
	}
	v.Money = moneyTyped(text, channels)
	v.Money.Hold, v.Money.TransferHold = seconds(t.HoldSeconds), payment.TransferHold
	moneyRead(v.Money, zone, &t, errs)
	readBeacon(*v, &t, errs)
	return t
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

// readTiers reads the rows of tickets, and adds one for each tier of the seat map that has none yet.
func readTiers(text func(string) string, mapped []string, zone *time.Location, errs map[string]string) (typed []views.TierForm, tiers []sale.NewTier) {
	for i := range maxTierRows {
		at := "tiers." + strconv.Itoa(i)
		row := views.TierForm{
			Name: text(at + ".name"), Price: text(at + ".price"), Capacity: text(at + ".capacity"),
			OpensAt: text(at + ".opens_at"), ClosesAt: text(at + ".closes_at"),
		}
		if row == (views.TierForm{}) {
			continue
		}
		if text(at+".mapped") != "" && !slices.Contains(mapped, row.Name) {
			continue // The map that it came from is gone.
		}
		typed = append(typed, row)
	}
	for _, name := range mapped {
		if !slices.ContainsFunc(typed, func(t views.TierForm) bool { return t.Name == name }) {
			typed = append(typed, views.TierForm{Name: name})
		}
	}
	for i := range typed {
		// Empty rows between are closed, so that errors stand at the row that
		// the page shows next.
		tiers = append(tiers, readTier("tiers."+strconv.Itoa(i), &typed[i], mapped, zone, errs))
	}
	return typed, tiers
}

func readTier(at string, row *views.TierForm, mapped []string, zone *time.Location, errs map[string]string) sale.NewTier {
	row.Mapped = slices.Contains(mapped, row.Name)
	t := sale.NewTier{Name: row.Name}
	var err error
	if t.Price, err = parseNaira(row.Price); err != nil {
		errs[at+".price"] = "Write the price in naira, such as 12500. Write 0 for free tickets."
	}
	if t.Capacity, err = strconv.Atoi(strings.ReplaceAll(row.Capacity, ",", "")); err != nil && !row.Mapped {
		errs[at+".capacity"] = "Write how many tickets there are."
	}
	for _, f := range []struct {
		name, value string
		to          **time.Time
	}{{".opens_at", row.OpensAt, &t.OpensAt}, {".closes_at", row.ClosesAt, &t.ClosesAt}} {
		if f.value != "" {
			var when time.Time
			readTime(at+f.name, f.value, zone, &when, errs)
			*f.to = &when
		}
	}
	return t
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

var tierPath = regexp.MustCompile(`^(?:tiers|times)\[(\d+)\]\.(\w+)$`)

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
