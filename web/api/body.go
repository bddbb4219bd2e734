package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/mail"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"fairqueue/internal/fault"
)

// maxBody is the largest body of a request, in bytes.
const maxBody = 1 << 20

// read returns the whole body; 413 beyond most bytes.
func (r *request) read(most int64) ([]byte, error) {
	req := r.Request()
	if req.ContentLength > most {
		return nil, errTooLarge
	}
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	b, err := io.ReadAll(http.MaxBytesReader(r.Response(), req.Body, most))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, errTooLarge
		}
		return nil, fault.Wrap(err, fault.Invalid, "invalid_request", "The body of the request did not arrive completely.")
	}
	return b, nil
}

// decode reads the body as a T and checks it against T's published schema, with
// everything wrong at once: unknown fields, wrong types, ranges. 413, 422.
func decode[T any](r *request) (T, error) {
	var dst T
	schema, ok := r.api.bodies[reflect.TypeFor[T]()]
	if !ok {
		return dst, fmt.Errorf("api: %T is not a documented body", dst)
	}
	return dst, r.decode(&dst, schema)
}

// noBody refuses a body with anything in it, so that a field that we would
// ignore does not look as if it had worked.
func (r *request) noBody() error {
	if body := r.Request().Body; body == nil || body == http.NoBody {
		return nil
	}
	return r.decode(&struct{}{}, &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false})
}

func (r *request) decode(dst any, schema *huma.Schema) error {
	raw, err := r.read(maxBody)
	if err != nil {
		return err
	}
	return r.decodeAs(dst, schema, raw)
}

func (r *request) decodeAs(dst any, schema *huma.Schema, raw []byte) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		// curl -X POST without a body means "with nothing to say".
		raw = []byte("{}")
	} else if err := checkType(r.Request().Header.Get("Content-Type")); err != nil {
		return err
	}
	if !utf8.Valid(raw) {
		return fault.New(fault.Invalid, "invalid_request", "The body must be JSON in UTF-8.")
	}
	var value any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return fault.Wrap(err, fault.Invalid, "invalid_request", "The body is not valid JSON.")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "invalid_request", "The body must be one JSON value with nothing after it.")
	}
	c := checker{registry: r.api.huma.OpenAPI().Components.Schemas}
	c.check(schema, value, "")
	if len(c.wrong) > 0 {
		return fault.InvalidField(c.wrong...)
	}
	if err := json.Unmarshal(raw, dst); err != nil {
		return fault.Wrap(err, fault.Invalid, "invalid_request", "The body does not have the documented form.")
	}
	return nil
}

// checkType accepts JSON by any of its names, no type at all, and what curl
// sends when nobody told it: the body must be JSON all the same.
func checkType(header string) error {
	if header == "" {
		return nil
	}
	t, params, err := mime.ParseMediaType(header)
	charset := strings.ToLower(params["charset"])
	if err == nil && (t == "application/json" || strings.HasSuffix(t, "+json") || t == "application/x-www-form-urlencoded") &&
		(charset == "" || charset == "utf-8" || charset == "utf8") {
		return nil
	}
	return fault.InvalidField(fault.Field{Path: "Content-Type", Message: "Send the body as application/json in UTF-8."})
}

// checker compares a JSON value with the schema of the document and collects
// everything wrong, with sentences for people. It knows the parts of JSON
// Schema that our types produce.
type checker struct {
	registry huma.Registry
	wrong    []fault.Field
}

// Beyond this many, more lines help nobody.
const maxWrong = 50

func (c *checker) add(path, message string) {
	if len(c.wrong) < maxWrong {
		if path == "" {
			message = "The body " + message
		} else {
			message = path + " " + message
		}
		c.wrong = append(c.wrong, fault.Field{Path: path, Message: message})
	}
}

func (c *checker) check(s *huma.Schema, v any, path string) {
	for s.Ref != "" {
		s = c.registry.SchemaFromRef(s.Ref)
	}
	if v == nil {
		if !s.Nullable {
			c.add(path, "must not be null.")
		}
		return
	}
	if len(s.AnyOf) > 0 {
		c.oneOf(s.AnyOf, v, path)
		return
	}
	switch s.Type {
	case huma.TypeObject:
		c.object(s, v, path)
	case huma.TypeArray:
		c.array(s, v, path)
	case huma.TypeString:
		c.text(s, v, path)
	case huma.TypeInteger:
		c.integer(s, v, path)
	case huma.TypeNumber:
		c.number(s, v, path)
	case huma.TypeBoolean:
		if _, ok := v.(bool); !ok {
			c.add(path, "must be true or false.")
		}
	default:
		c.add(path, "has a form that is not documented.")
	}
}

// oneOf checks what may be a list or a number by the form that it has.
func (c *checker) oneOf(forms []*huma.Schema, v any, path string) {
	is := ""
	switch v.(type) {
	case []any:
		is = huma.TypeArray
	case json.Number:
		is = huma.TypeInteger
	}
	for _, s := range forms {
		if s.Type == is {
			c.check(s, v, path)
			return
		}
	}
	c.add(path, "must be a JSON array or a whole number.")
}

func (c *checker) object(s *huma.Schema, v any, path string) {
	m, ok := v.(map[string]any)
	if !ok {
		c.add(path, "must be a JSON object.")
		return
	}
	at := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	for _, name := range s.Required {
		if _, ok := m[name]; !ok {
			c.add(at(name), "is missing.")
		}
	}
	for _, name := range sortedNames(m) {
		// Case counts: "Quantity" is not quantity, though encoding/json would take it.
		if p, ok := s.Properties[name]; ok {
			c.check(p, m[name], at(name))
		} else {
			c.add(at(clip(name)), "is not known here. Leave it out.")
		}
	}
}

func (c *checker) array(s *huma.Schema, v any, path string) {
	list, ok := v.([]any)
	if !ok {
		c.add(path, "must be a JSON array.")
		return
	}
	if s.MinItems != nil && len(list) < *s.MinItems {
		c.add(path, "must have at least "+strconv.Itoa(*s.MinItems)+".")
	}
	if s.MaxItems != nil && len(list) > *s.MaxItems {
		c.add(path, "must have at most "+strconv.Itoa(*s.MaxItems)+".")
		return
	}
	for i, item := range list {
		c.check(s.Items, item, path+"["+strconv.Itoa(i)+"]")
	}
}

func (c *checker) text(s *huma.Schema, v any, path string) {
	t, ok := v.(string)
	if !ok {
		c.add(path, "must be a string.")
		return
	}
	n := utf8.RuneCountInString(t)
	switch {
	case strings.ContainsRune(t, 0):
		// PostgreSQL cannot store it.
		c.add(path, "must not hold the character U+0000.")
	case s.MinLength != nil && n < *s.MinLength:
		c.add(path, "must not be empty.")
	case s.MaxLength != nil && n > *s.MaxLength:
		c.add(path, "must have at most "+strconv.Itoa(*s.MaxLength)+" characters.")
	}
	if len(s.Enum) > 0 {
		names := make([]string, len(s.Enum))
		found := false
		for i, e := range s.Enum {
			names[i] = fmt.Sprint(e)
			found = found || names[i] == t
		}
		if !found {
			c.add(path, "must be one of "+strings.Join(names, ", ")+".")
		}
	}
	switch s.Format {
	case "uuid":
		if _, ok := parseID(t); !ok {
			c.add(path, "must be an id.")
		}
	case "date-time":
		if at, err := time.Parse(time.RFC3339, t); err != nil || at.Year() < 1970 || at.Year() > 9000 {
			c.add(path, "must be a time like 2026-08-01T18:00:00Z.")
		}
	case "email":
		if _, err := mail.ParseAddress(t); err != nil {
			c.add(path, "must be an e-mail address.")
		}
	}
}

func (c *checker) integer(s *huma.Schema, v any, path string) {
	n, ok := v.(json.Number)
	if !ok {
		c.add(path, "must be a whole number.")
		return
	}
	between := ""
	if s.Minimum != nil && s.Maximum != nil {
		between = fmt.Sprintf(" from %d to %d", int64(*s.Minimum), int64(*s.Maximum))
	} else if s.Minimum != nil {
		between = fmt.Sprintf(" of at least %d", int64(*s.Minimum))
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || (s.Minimum != nil && float64(i) < *s.Minimum) || (s.Maximum != nil && float64(i) > *s.Maximum) {
		c.add(path, "must be a whole number"+between+".")
	}
}

func (c *checker) number(s *huma.Schema, v any, path string) {
	between := ""
	if s.Minimum != nil && s.Maximum != nil {
		between = fmt.Sprintf(" from %g to %g", *s.Minimum, *s.Maximum)
	}
	n, ok := v.(json.Number)
	f, err := n.Float64()
	if !ok || err != nil || (s.Minimum != nil && f < *s.Minimum) || (s.Maximum != nil && f > *s.Maximum) {
		c.add(path, "must be a number"+between+".")
	}
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// clip shortens a name that came from outside.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
