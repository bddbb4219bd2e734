package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/dbtest"
)

// rowsOf counts the rows of every table that a request could write.
func (s *stack) rowsOf() map[string]int {
	s.Helper()
	rows, err := s.pool.Query(s.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'river%' ORDER BY 1`)
	s.must(err)
	var tables []string
	for rows.Next() {
		var name string
		s.must(rows.Scan(&name))
		tables = append(tables, name)
	}
	s.must(rows.Err())
	if len(tables) < 20 {
		s.Fatalf("only %v", tables)
	}
	out := map[string]int{}
	for _, name := range tables {
		var n int
		s.must(s.pool.QueryRow(s.Context(), fmt.Sprintf(`SELECT count(*) FROM %q`, name)).Scan(&n))
		out[name] = n
	}
	return out
}

// seatMap is a map with these sections; inRows one with a seated section that has these rows.
func seatMap(sections string) string {
	return `{"focal":{"x":0,"y":0},"sections":[` + sections + `]}`
}

func inRows(rows string) string {
	return seatMap(`{"id":"a","name":"A","kind":"seated","tier":"Stalls","rows":[` + rows + `]}`)
}

// Of a bad map everything that is wrong is told at once, each by its path; not one row is written, in any table, and no
// map keeps the server busy.
func TestEveryErrorOfASeatMapIsToldAtOnce(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	const oe = "/api/v1/organizer/events"
	before := s.rowsOf()
	// listed are so many of a text, with something else behind.
	listed := func(n int, text, last string) string { return strings.Repeat(text+",", n) + last }
	companions := func(n int) string { // each goes with the next, and the last with the first
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,{"label":"S%d","accessible":true,"companion_of":"S%d"}`, i, (i+1)%n)
		}
		return b.String()[1:]
	}
	many := dbtest.Size(50_000, 1_000_000) - 1
	const sec, row = "seat_map.sections[0]", "seat_map.sections[0].rows[0]"
	for name, c := range map[string]struct {
		raw string
		// want are the paths of everything that is wrong; of more than that, those it begins with.
		want []string
		more bool
	}{
		"duplicate labels": {raw: seatMap(`{"id":"a","name":"A","kind":"seated","tier":"Stalls","rows":[
				{"name":"A","x":0,"y":0,"seats":[{"label":"A1"},{"label":"A1"},{"label":"A2"}]},{"name":"B","x":0,"y":1,"count":2,"label":"A{n}"}]},
			{"id":"a","name":"B","kind":"seated","tier":"Stalls","rows":[{"name":"A","x":0,"y":9,"count":2},{"name":"A","x":0,"y":10,"count":2,"first":3}]}`),
			want: []string{row + ".seats[1].label", "seat_map.sections[0].rows[1]", "seat_map.sections[0].rows[1]", "seat_map.sections[1].id", "seat_map.sections[1].rows[1].name"}},
		"unknown tiers": {raw: seatMap(`{"id":"a","name":"A","kind":"seated","tier":"Gold","rows":[{"name":"A","x":0,"y":0,"tier":7,"seats":[{"label":"A1","tier":"stalls"},{"label":"A2","tier":-1}]}]},
			{"id":"f","name":"F","kind":"standing","tier":"Lawn","capacity":5}`),
			want: []string{row + ".seats[0].tier", row + ".seats[1].tier", row + ".tier", sec + ".tier", "seat_map.sections[1].tier"}},
		"overlapping seats": {raw: seatMap(`{"id":"a","name":"A","kind":"seated","tier":"Stalls","rows":[{"name":"A","seats":[{"label":"A1","x":0,"y":0},{"label":"A2","x":0.2,"y":0},{"label":"A3","x":0,"y":0.49}]}]},
			{"id":"b","name":"B","kind":"seated","tier":"Box","rows":[{"name":"A","x":0,"y":0,"count":1}]}`),
			want: []string{row + ".seats[1]", row + ".seats[2]", "seat_map.sections[1].rows[0]"}},
		"wrong types": {raw: `{"focal":[0,0],"allow_orphans":1,"sections":[{"id":{},"name":7,"kind":"seated","tier":[],"rows":[{"name":null,"x":"0","y":0,"seats":[
				{"label":1,"accessible":"yes","companion_of":2,"aisle":0,"blocked":null,"restricted":[]},null]}]},"floor"]}`,
			want: []string{"seat_map.allow_orphans", "seat_map.focal", sec + ".id", sec + ".name", row + ".name", row + ".seats[0].accessible", row + ".seats[0].aisle",
				row + ".seats[0].blocked", row + ".seats[0].companion_of", row + ".seats[0].label", row + ".seats[0].restricted", row + ".seats[1]", row + ".x", sec + ".tier", "seat_map.sections[1]"}},
		"a cycle of companions": {raw: inRows(`{"name":"A","x":0,"y":0,"seats":[{"label":"A1","companion_of":"A2","accessible":true},{"label":"A2","companion_of":"A3","accessible":true},
				{"label":"A3","companion_of":"A1","accessible":true},{"label":"A4","companion_of":"A4"},{"label":"A5","companion_of":"B1"}]}`),
			want: []string{row + ".seats[0].companion_of", row + ".seats[1].companion_of", row + ".seats[2].companion_of", row + ".seats[3].companion_of", row + ".seats[4].companion_of"}},
		"numbers beyond all bounds": {raw: inRows(`{"name":"A","x":1e999,"y":-1e999,"count":99999999999999999999,"grow":1.5,"step":0,"curve":-1,"angle":1e9,"pitch":0.001,"first":-1}`),
			want: []string{row + ".angle", row + ".count", row + ".curve", row + ".first", row + ".grow", row + ".pitch", row + ".step", row + ".x", row + ".y"}},
		"texts that cannot be shown": {raw: inRows(`{"name":"A","x":0,"y":0,"seats":[{"label":"A\u0000"},{"label":" A2"},{"label":""},{"label":"` + strings.Repeat("ß", 21) + `"}]}`),
			want: []string{row + ".seats[0].label", row + ".seats[1].label", row + ".seats[2].label", row + ".seats[3].label"}},
		"a million seats, counted": {raw: inRows(`{"name":"1","to":"250","x":0,"y":0,"count":2000,"label":"{row}-{n}"},{"name":"1001","to":"1250","x":0,"y":500,"count":2000,"label":"{row}-{n}"}`),
			want: []string{"seat_map.sections"}},
		"very many seats, one by one": {raw: inRows(`{"name":"A","x":0,"y":0,"seats":[` + listed(many, `{}`, `{"label":"Z"}`) + `]}`),
			want: []string{row + ".seats[0].label", row + ".seats[1].label"}, more: true},
		"very many rows":     {raw: inRows(listed(many, `{}`, `{}`)), want: []string{row + ".name"}, more: true},
		"very many sections": {raw: seatMap(listed(many, `{}`, `{}`)), want: []string{sec + ".id", sec + ".name", sec + ".kind"}, more: true},
		"very many members":  {raw: `{` + listed(many, `"a":1`, `"b":1`) + `}`, want: []string{"seat_map.a"}, more: true},
		"very many aisles": {raw: inRows(`{"name":"1","to":"50","x":0,"y":0,"count":2000,"label":"{row}-{n}","skip":["z",` + listed(many, `"x"`, `"y"`) +
			`],"aisles":[` + listed(many, `2000`, `1999`) + `]}`), want: []string{row + ".aisles[0]", row + ".aisles[1]"}, more: true},
		"many thousands in one place": {raw: inRows(`{"name":"1","to":"10","x":0,"y":0,"count":2000,"label":"{row}-{n}","pitch":0.5,"curve":0.1}`), want: []string{row}, more: true},
		"twenty thousand in a ring":   {raw: inRows(listed(9, `{"name":"A","x":0,"y":0,"seats":[{"label":"A"}]}`, `{"name":"Z","x":0,"y":1,"seats":[`+companions(20_000)+`]}`)), want: []string{"seat_map.sections[0].rows[9].seats"}, more: true},
		"deeper than anybody nests":   {raw: inRows(strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), want: []string{row}},
	} {
		body := hallBody(func(event, _ map[string]any) { event["seat_map"] = json.RawMessage(c.raw) })
		start := time.Now()
		a := s.raw("POST", oe, org, body, nil).want(422, "invalid_request")
		if took := time.Since(start); took > 2*time.Second {
			// On a machine that others use, and with the race detector, just reading a million of anything takes long.
			start = time.Now()
			var doc any
			_ = json.Unmarshal([]byte("["+listed(1_000_000, "{}", "{}")+"]"), &doc)
			if bare := time.Since(start); took > 10*bare {
				t.Errorf("%s: refused after %s, in which JSON is read %.1f times", name, took, float64(took)/float64(bare))
			}
		}
		var paths []string
		for _, e := range a.get("errors").([]any) {
			m := e.(map[string]any)
			if m["message"] == "" {
				t.Errorf("%s: nothing is said of %s", name, m["path"])
			}
			paths = append(paths, m["path"].(string))
		}
		if len(paths) > 1001 || len(a.body) > 1<<20 {
			t.Errorf("%s: %d errors in %d bytes", name, len(paths), len(a.body))
		}
		if c.more {
			if len(paths) > len(c.want) {
				paths = paths[:len(c.want)]
			}
		} else {
			slices.Sort(paths)
		}
		if !slices.Equal(paths, c.want) {
			t.Errorf("%s: wrong at\n%s\nwant\n%s", name, strings.Join(paths, "\n"), strings.Join(c.want, "\n"))
		}
	}
	for table, n := range s.rowsOf() {
		if n != before[table] {
			t.Errorf("%s has %d rows, and had %d", table, n, before[table])
		}
	}
}

// A body with a seat map has 10 MiB, to the byte, whether its length is told beforehand or not.
func TestASeatMapHasTenMebibytes(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	const oe = "/api/v1/organizer/events"
	before := s.rowsOf()
	sized := func(n int) string {
		body := hallBody(func(event, _ map[string]any) { event["seat_map"] = "@" })
		return strings.Replace(body, "@", strings.Repeat("a", n-len(body)+1), 1)
	}
	s.raw("POST", oe, org, sized(10<<20+1), nil).want(413, "body_too_large")
	for size, want := range map[int]int{10 << 20: 422, 10<<20 + 1: 413} {
		// In pieces, so that nobody knows how much is to come.
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+oe, io.MultiReader(strings.NewReader(sized(size))))
		s.must(err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+org)
		res, err := s.client.Do(req)
		if err != nil {
			t.Errorf("%d bytes in pieces: %v", size, err)
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%d bytes in pieces: %d, want %d", size, res.StatusCode, want)
		}
	}
	for table, n := range s.rowsOf() {
		if n != before[table] {
			t.Errorf("%s has %d rows, and had %d", table, n, before[table])
		}
	}
}
