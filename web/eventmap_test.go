package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fairqueue/internal/catalog/seatmap"
)

// upload sends a form with a file, as a browser without JavaScript does; it follows nothing.
func (b *browser) upload(path string, form url.Values, name string, file []byte) *page {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for k, values := range form {
		for _, v := range values {
			if err := w.WriteField(k, v); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	part, err := w.CreateFormFile("seat_map", name)
	if err == nil {
		_, err = part.Write(file)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	r := b.request(http.MethodPost, path, &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Origin", b.s.server.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

// typed are the values of the form on a page, as a browser would send them.
func typed(p *page, action string) url.Values {
	p.t.Helper()
	forms := find(p.doc, "form[action="+action+"]")
	if len(forms) != 1 {
		p.t.Fatalf("%d forms for %s:\n%s", len(forms), action, p.says())
	}
	values := url.Values{}
	for _, in := range find(forms[0], "input") {
		switch kind := attr(in, "type"); {
		case kind == "file", (kind == "radio" || kind == "checkbox") && !has(in, "checked"):
		default:
			values.Add(attr(in, "name"), attr(in, "value"))
		}
	}
	for _, o := range find(forms[0], "select option[selected]") {
		values.Set(attr(o.Parent, "name"), attr(o, "value"))
	}
	for _, in := range find(forms[0], "textarea") {
		values.Set(attr(in, "name"), words(in))
	}
	return values
}

func (s *stack) organizer() *browser {
	s.t.Helper()
	if _, err := s.accounts.BecomeOrganizer(s.t.Context(), s.org.ID, "Lagos Nights"); err != nil {
		s.t.Fatal(err)
	}
	return s.as(s.org)
}

// noTiers is the form of an event in which no tickets were typed.
func noTiers() url.Values {
	form := eventForm(nil)
	maps.DeleteFunc(form, func(k string, _ []string) bool { return strings.HasPrefix(k, "tiers.") })
	return form
}

// One click takes a hall; its tiers stand in the form, and what was typed stays.
func TestAnEventInAHallByOneClick(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.organizer()
	for _, hall := range []string{"stadium", "arena", "theatre"} {
		form := noTiers()
		form.Set("name", "Night in the "+hall)
		form.Set("tiers.0.name", "Stalls")
		form.Set("tiers.0.price", "25,000")
		form.Set("do", hall)
		p := b.post("/organizer/events", form).status(http.StatusOK)
		if len(find(p.doc, "[aria-invalid]")) != 0 || s.count(`SELECT count(*) FROM events WHERE name = $1`, form.Get("name")) != 0 {
			t.Fatalf("%s: the first click judges or stores", hall)
		}
		form = typed(p, "/organizer/events")
		if form.Get("name") != "Night in the "+hall || form.Get("hall") != hall {
			t.Fatalf("%s: the form came back as %v", hall, form)
		}
		if hall != "theatre" {
			if form.Get("tiers.0.mapped") != "" || form.Get("tiers.1.mapped") != "1" {
				t.Errorf("%s: %v", hall, form)
			}
			continue
		}
		if form.Get("tiers.0.price") != "25,000" || form.Get("tiers.0.mapped") != "1" || form.Get("tiers.1.name") != "Circle" {
			t.Errorf("the tiers of the theatre: %v", form)
		}
		// Saving asks for the prices that are missing, and for nothing else.
		p = b.post("/organizer/events", form).status(http.StatusUnprocessableEntity)
		if n := len(find(p.doc, "[aria-invalid=true]")); n != 3 {
			t.Errorf("%d fields are wrong, want the prices of three tiers\n%s", n, p.says())
		}
		form = typed(p, "/organizer/events")
		for i := range 8 {
			if at := fmt.Sprintf("tiers.%d", i); form.Get(at+".mapped") != "" {
				form.Set(at+".price", "9000")
			} else {
				for k := range form {
					if strings.HasPrefix(k, at) {
						form.Set(k, "")
					}
				}
			}
		}
		console := b.post("/organizer/events", form).status(http.StatusSeeOther).Header.Get("Location")
		id := strings.TrimPrefix(console, "/organizer/events/")
		stored := s.count(`SELECT count(*) FROM seats WHERE event_id = $1`, id)
		if stored < 1000 || s.count(`SELECT count(*) FROM tiers WHERE event_id = $1 AND price_kobo = 900000`, id) < 3 {
			t.Errorf("%s: %d seats are stored", hall, stored)
		}
		// The export can be sent again.
		file := b.look(console + "/seat-map").status(http.StatusOK)
		if !strings.HasPrefix(file.Header.Get("Content-Disposition"), "attachment") {
			t.Error("the seat map is not a file")
		}
		again, wrong := seatmap.Read([]byte(file.body), seatmap.Tiers([]byte(file.body)), "")
		if again == nil {
			t.Errorf("%s: the export cannot be read: %v", hall, wrong[0])
		}
		s.fan("nosy@fair.example").look(console + "/seat-map").status(http.StatusNotFound)
	}
}

const smallMap = `{"focal":{"x":0,"y":0},"sections":[
	{"id":"hall","name":"Hall","kind":"seated","tier":"Front","rows":[{"name":"A","x":0,"y":3,"count":6},{"name":"B","tier":"Back","x":0,"y":4,"count":8}]},
	{"id":"floor","name":"Floor","kind":"standing","tier":"Floor","capacity":50}]}`

// A file travels with the form until the event is saved.
func TestAnEventWithASeatMapOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.organizer()
	form := noTiers()
	form.Set("do", "read")
	p := b.upload("/organizer/events", form, "hall.json", []byte(smallMap)).status(http.StatusOK).has("hall.json", "14 seats and 50 places to stand, in 2 sections")
	form = typed(p, "/organizer/events")
	for i, name := range []string{"Front", "Back", "Floor"} {
		at := fmt.Sprintf("tiers.%d.", i)
		if form.Get(at+"name") != name {
			t.Fatalf("the tiers: %v", form)
		}
		form.Set(at+"price", "5000")
	}
	form.Set("tiers.1.opens_at", form.Get("opens_at"))
	form.Del("pairs") // Single seats may be left alone.
	form.Set("starts_at", "someday")
	// A refusal elsewhere keeps the map.
	p = b.post("/organizer/events", form).status(http.StatusUnprocessableEntity).has("hall.json")
	if len(find(p.doc, "input[name=pairs][checked]")) != 0 || len(find(p.doc, "[aria-invalid=true]")) != 1 {
		t.Errorf("the switch came back, or more than one field is wrong:\n%s", p.says())
	}
	form = typed(p, "/organizer/events")
	form.Set("starts_at", eventForm(nil).Get("starts_at"))
	id := strings.TrimPrefix(b.post("/organizer/events", form).status(http.StatusSeeOther).Header.Get("Location"), "/organizer/events/")
	if n := s.count(`SELECT count(*) FROM seats WHERE event_id = $1`, id); n != 14 {
		t.Errorf("%d seats", n)
	}
	if n := s.count(`SELECT count(*) FROM seat_maps WHERE event_id = $1 AND allow_orphans`, id); n != 1 {
		t.Error("single seats may not be left alone, although the switch is off")
	}
	if n := s.count(`SELECT count(*) FROM tiers WHERE event_id = $1 AND opens_at IS NOT NULL AND name = 'Back' AND capacity = 8`, id); n != 1 {
		t.Error("the times of a tier are lost")
	}

	// Without the map the kinds that came from it are gone, too.
	form = typed(b.upload("/organizer/events", url.Values{"do": {"read"}}, "hall.json", []byte(smallMap)), "/organizer/events")
	form.Set("do", "drop")
	p = b.post("/organizer/events", form).status(http.StatusOK)
	if f := typed(p, "/organizer/events"); f.Get("map_kept") != "" || f.Get("tiers.0.name") != "" {
		t.Errorf("the map is still there: %v", f)
	}
}

// Everything that is wrong with a map is said at once, with its place, and nothing is stored.
func TestAWrongSeatMapIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.organizer()
	bad := `{"sections":[{"id":"hall","name":"Hall","kind":"seated","tier":"Front","rows":[
		{"name":"A","seats":[{"label":"A1","x":0,"y":0},{"label":"A1","x":5,"y":0},{"label":"A3","x":5.1,"y":0}]}]}, 7]}`
	form := eventForm(map[string]string{"name": ""})
	p := b.upload("/organizer/events", form, "bad.json", []byte(bad)).status(http.StatusUnprocessableEntity).
		has("focal", "sections[0].rows[0].seats[1].label", "sections[0].rows[0].seats[2]", "sections[1]", "things are wrong with the seat map")
	if len(find(p.doc, "input[name=name][aria-invalid=true]")) != 1 || len(find(p.doc, "input[name=seat_map][aria-invalid=true]")) != 1 {
		t.Error("the other fields are not judged at the same time")
	}
	if got := attr(find(p.doc, "input[name=venue]")[0], "value"); got != "Freedom Park, Lagos" {
		t.Errorf("what was typed is lost: %q", got)
	}
	for name, file := range map[string]string{"no JSON": `{"sections"`, "an empty file": "", "a list": "[]"} {
		p := b.upload("/organizer/events", eventForm(map[string]string{"do": "read"}), "x.json", []byte(file)).status(http.StatusUnprocessableEntity)
		if len(find(p.doc, "#seat_map-e")) != 1 {
			t.Errorf("%s: nothing says what is wrong", name)
		}
	}
	b.post("/organizer/events", eventForm(map[string]string{"do": "read"})).status(http.StatusUnprocessableEntity).has("Choose the file")
	b.post("/organizer/events", eventForm(map[string]string{"map_kept": "!!"})).status(http.StatusUnprocessableEntity).has("Choose the file again")
	if n := s.count(`SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM seat_maps)`); n != 0 {
		t.Errorf("%d rows are stored", n)
	}
}

// A file may be 10 MiB and no more, and only who may make events sends one.
func TestASeatMapHasALimit(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	big := append([]byte(smallMap), bytes.Repeat([]byte(" "), 10<<20-len(smallMap))...)
	b := s.organizer()
	b.upload("/organizer/events", url.Values{"do": {"read"}}, "hall.json", big).status(http.StatusOK).has("14 seats")
	b.upload("/organizer/events", url.Values{"do": {"read"}}, "hall.json", append(big, ' ')).status(http.StatusUnprocessableEntity).has("10 MiB")
	b.upload("/organizer/events", url.Values{"do": {"read"}}, "hall.json", append(big, big...)).status(http.StatusRequestEntityTooLarge)
	b.upload("/sign-in", url.Values{}, "hall.json", big).status(http.StatusRequestEntityTooLarge)
	s.visitor().upload("/organizer/events", url.Values{}, "hall.json", []byte(smallMap)).redirects("/sign-in?next=%2Forganizer%2Fevents%2Fnew")
	// What unpacks to more than a map may have is no map.
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(append(big, ' ')); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	b.post("/organizer/events", eventForm(map[string]string{"map_kept": base64.StdEncoding.EncodeToString(bomb.Bytes())})).
		status(http.StatusUnprocessableEntity).has("Choose the file again")
}
