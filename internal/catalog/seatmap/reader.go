package seatmap

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// path is where a value stands; it becomes text only when something is wrong there.
type path struct {
	up   *path
	name string // of a member; "" for an element
	i    int
}

func (p *path) member(name string) *path { return &path{up: p, name: name} }
func (p *path) at(i int) *path           { return &path{up: p, i: i} }

func (p *path) String() string {
	if p.up == nil {
		return p.name
	}
	if up := p.up.String(); p.name == "" {
		return up + "[" + strconv.Itoa(p.i) + "]"
	} else if up != "" {
		return up + "." + p.name
	}
	return p.name
}

// reader reads values of expected types from valid JSON, token by token, and
// goes on behind what is wrong.
type reader struct {
	faults
	dec *json.Decoder
}

func newReader(raw []byte) *reader {
	r := &reader{dec: json.NewDecoder(bytes.NewReader(raw))}
	r.dec.UseNumber()
	return r
}

// token is the next one; the input is known to be valid.
func (r *reader) token() json.Token {
	t, err := r.dec.Token()
	if err != nil {
		return nil
	}
	return t
}

// skip reads to the end of the value that begins with t.
func (r *reader) skip(t json.Token) {
	depth := 0
	for {
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return
		}
		t = r.token()
	}
}

// object reads an object; field reads the value of a member it knows, and says false of others.
func (r *reader) object(at *path, field func(name string, at *path) bool) bool {
	t := r.token()
	if t != json.Delim('{') {
		r.add(at, "This must be an object.")
		r.skip(t)
		return false
	}
	var seen []string
	for r.dec.More() {
		name, _ := r.token().(string)
		here := at.member(name)
		switch {
		case slices.Contains(seen, name):
			r.add(here, "This stands here twice.")
			r.skip(r.token())
		case !field(name, here):
			here.name = clip(name)
			r.add(here, "This is not known here. Leave it out.")
			r.skip(r.token())
		}
		if len(seen) < 64 {
			seen = append(seen, name)
		}
	}
	r.token()
	return true
}

// array reads an array, one element after the other.
func (r *reader) array(at *path, element func(at *path)) {
	t := r.token()
	if t != json.Delim('[') {
		r.add(at, "This must be a list.")
		r.skip(t)
		return
	}
	for i := 0; r.dec.More(); i++ {
		element(at.at(i))
	}
	r.token()
}

func (r *reader) text(at *path, limit int) string {
	t := r.token()
	s, ok := t.(string)
	switch {
	case !ok:
		r.add(at, "This must be a text.")
		r.skip(t)
	case strings.TrimSpace(s) == "":
		r.add(at, "This must not be empty.")
	case strings.TrimSpace(s) != s:
		r.add(at, "This must not begin or end with a space.")
	default:
		if msg := badText(s, limit); msg != "" {
			r.add(at, msg)
		}
	}
	return s
}

func (r *reader) texts(at *path, limit int) (list []string) {
	r.array(at, func(at *path) { list = append(list, r.text(at, limit)) })
	return list
}

func (r *reader) boolean(at *path) bool {
	t := r.token()
	b, ok := t.(bool)
	if !ok {
		r.add(at, "This must be true or false.")
		r.skip(t)
	}
	return b
}

func (r *reader) integer(at *path, low, high int) int {
	t := r.token()
	n, ok := t.(json.Number)
	i, err := strconv.Atoi(string(n))
	if !ok || err != nil || i < low || i > high {
		r.add(at, "This must be a whole number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high)+".")
		r.skip(t)
		return low
	}
	return i
}

// length reads a number of seat widths, or of degrees.
func (r *reader) length(at *path, low, high float64) float64 {
	t := r.token()
	n, ok := t.(json.Number)
	f, err := strconv.ParseFloat(string(n), 64)
	if !ok || err != nil || f < low || f > high {
		r.add(at, "This must be a number from "+strconv.FormatFloat(low, 'f', -1, 64)+" to "+strconv.FormatFloat(high, 'f', -1, 64)+".")
		r.skip(t)
		return math.Max(low, 1)
	}
	return f
}

func (r *reader) coord(at *path) float64 { return round(r.length(at, -maxCoord, maxCoord)) }

// round keeps a hundredth of a seat, so that coordinates survive being written. It knows no -0.
func round(f float64) float64 { return math.Round(f*100)/100 + 0 }
