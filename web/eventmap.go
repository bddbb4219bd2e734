package web

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/catalog"
	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/fault"
	"fairqueue/views"
)

const (
	// maxMap bounds a seat map, in bytes, as it does for programs.
	maxMap = 10 << 20
	// maxMapForm bounds a form with a file: the map, or the map packed, and what else was typed.
	maxMapForm = maxMap + maxMap/2 + maxForm
)

// newEventPath is where the one form goes that may bring a file.
const newEventPath = "/organizer/events"

// venues are the halls that can be taken as they are, by what the button says.
var venues = []string{"theatre", "arena", "stadium"}

// mapForm is the seat map of a form: an example, a file that was sent now, or
// one that came with the form before and travels in it, so that nothing is
// stored of a form that was never saved.
type mapForm struct {
	raw   []byte
	tiers []string     // that the map asks for
	m     *seatmap.Map // nil: something is wrong with it
	wrong []fault.Field
	view  views.MapForm
}

func (f *mapForm) given() bool { return len(f.raw) > 0 }

// formAction is what the button says that sent the form of a new event; "" saves it.
func formAction(c echo.Context) string {
	switch do := c.FormValue("do"); {
	case do == "read" || do == "drop" || slices.Contains(venues, do):
		return do
	}
	return ""
}

// parseForm reads a form that may bring a file, and which has not been read by limitBody.
func parseForm(c echo.Context) error {
	r := c.Request()
	if r.MultipartForm != nil || !strings.HasPrefix(r.Header.Get(echo.HeaderContentType), "multipart/form-data") {
		return nil
	}
	err := r.ParseMultipartForm(maxMapForm)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errMapBody.Because(err)
	}
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "invalid_request", "This form could not be read. Go back, load the page again and try once more.")
	}
	return nil
}

var errMapBody = fault.New(fault.TooLarge, "body_too_large", "A seat map may have 10 MiB. Go back and choose a smaller file: what you typed is still there.")

// readMap finds the seat map of a form.
func readMap(c echo.Context) (f mapForm) {
	before := c.FormValue("hall") != "" || c.FormValue("map_kept") != ""
	var err error
	switch do := formAction(c); {
	case do == "drop":
		return f
	case slices.Contains(venues, do):
		before = false
		f.venue(do)
	default:
		var name string
		if name, f.raw, err = sentFile(c); err != nil {
			f.tell("", "The file could not be read. Choose it again.")
			return f
		}
		switch {
		case len(f.raw) > maxMap:
			f.raw = nil
			f.tell("", "The file is too large: 10 MiB at most.")
			return f
		case name != "" && len(f.raw) == 0:
			f.tell("", "The file is empty. Choose one with a seat map.")
			return f
		case f.given():
			before = false
			f.view.Name = name
		case c.FormValue("map_kept") != "":
			if f.raw, err = unpack(c.FormValue("map_kept")); err != nil {
				f.tell("", "The seat map did not come back with the form. Choose the file again.")
				return f
			}
			f.view.Name = clipped(c.FormValue("map_name"))
		case slices.Contains(venues, c.FormValue("hall")):
			f.venue(c.FormValue("hall"))
		}
	}
	if !f.given() {
		if do := formAction(c); do == "read" {
			f.tell("", "Choose the file with your seat map first.")
		}
		return f
	}
	f.tiers = seatmap.Tiers(f.raw)
	if before {
		f.raw = allowOrphans(f.raw, c.FormValue("pairs") == "")
	}
	return f
}

func (f *mapForm) tell(path, words string) {
	f.wrong = append(f.wrong, fault.Field{Path: path, Message: words})
	f.view.Errors = append(f.view.Errors, views.MapError{Path: path, Words: words})
}

func (f *mapForm) venue(name string) {
	raw, err := seatmap.Venues.ReadFile("venues/" + name + ".json")
	if err != nil {
		return // It is part of the binary.
	}
	f.raw, f.view.Venue, f.view.Name = raw, name, name
}

// check reads the map for the tiers of the form, and makes what the page shows of it.
func (f *mapForm) check(tiers []string) {
	if !f.given() {
		return
	}
	var wrong []fault.Field
	if f.m, wrong = seatmap.Read(f.raw, tiers, ""); f.m == nil {
		for _, w := range wrong {
			f.tell(w.Path, w.Message)
		}
		return
	}
	if f.view.Venue == "" {
		f.view.Kept = pack(f.raw)
	}
	picture := drawWhole(f.m)
	f.view.Picture = &picture
	f.view.Given, f.view.Pairs = true, !f.m.AllowOrphans
	f.view.Sections, f.view.Seats, f.view.Standing = sectionCounts(f.m, tiers)
}

// sectionCounts are the sections of a map with their places.
func sectionCounts(m *seatmap.Map, tiers []string) (out []views.MapFormSection, seats, standing int) {
	for _, s := range m.Sections {
		v := views.MapFormSection{Name: s.Name, Rows: len(s.Rows), Standing: s.Kind == seatmap.Standing, Places: s.Capacity}
		named := map[int]bool{}
		if v.Standing {
			standing += s.Capacity
			named[s.Tier] = true
		}
		for _, r := range s.Rows {
			for _, seat := range r.Seats {
				v.Places++
				seats++
				named[seat.Tier] = true
				if seat.Blocked {
					v.Blocked++
				}
				if seat.Accessible {
					v.Accessible++
				}
			}
		}
		for i, name := range tiers {
			if named[i] {
				v.Tiers = append(v.Tiers, name)
			}
		}
		out = append(out, v)
	}
	return out, seats, standing
}

// sentFile is the file of a form; name is "" for none.
func sentFile(c echo.Context) (name string, raw []byte, err error) {
	form := c.Request().MultipartForm
	if form == nil || len(form.File["seat_map"]) == 0 {
		return "", nil, nil
	}
	head := form.File["seat_map"][0]
	if head.Filename == "" {
		return "", nil, nil
	}
	file, err := head.Open()
	if err != nil {
		return "", nil, err
	}
	raw, err = io.ReadAll(io.LimitReader(file, maxMap+1))
	return clipped(head.Filename), raw, errors.Join(err, file.Close())
}

func clipped(name string) string {
	if r := []rune(name); len(r) > 100 {
		return string(r[:100])
	}
	return name
}

// allowOrphans sets the switch of a map; one that cannot be read stays as it is.
func allowOrphans(raw []byte, allow bool) []byte {
	var parts map[string]json.RawMessage
	if json.Unmarshal(raw, &parts) != nil || parts == nil {
		return raw
	}
	switch was := string(bytes.TrimSpace(parts["allow_orphans"])); was {
	case "", "true", "false":
		if (was == "true") == allow {
			return raw
		}
	default:
		return raw // Read says what is wrong with it.
	}
	parts["allow_orphans"] = json.RawMessage("false")
	if allow {
		parts["allow_orphans"] = json.RawMessage("true")
	}
	out, err := json.Marshal(parts)
	if err != nil {
		return raw
	}
	return out
}

// pack makes a seat map small enough to travel in a form: a map repeats itself a lot.
func pack(raw []byte) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(raw) // Never fails on a buffer.
	_ = z.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

var errPacked = errors.New("web: not a packed seat map")

// unpack is the map of a form; it came through somebody's browser.
func unpack(packed string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxMap+1))
	if err == nil && (len(raw) == 0 || len(raw) > maxMap) {
		err = errPacked
	}
	return raw, err
}

// seatMapFile is the seat map of an event as a file that can be sent again.
func (s *Server) seatMapFile(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	hall, err := catalog.HallOf(c.Request().Context(), s.cfg.DB, e.ID())
	if err != nil {
		return err
	}
	if hall == nil {
		return fault.New(fault.NotFound, "seat_map_not_found", "This event has no numbered seats.")
	}
	tiers := make([]string, len(e.Tiers))
	for i, t := range e.Tiers {
		tiers[i] = t.Name
	}
	raw, err := seatmap.Write(hall.Map, tiers)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+e.Event.Slug+`-seat-map.json"`)
	return c.Blob(http.StatusOK, "application/json", raw)
}
