package api

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// published is the OpenAPI document as a client reads it.
type published struct {
	Paths      map[string]map[string]publishedOp `json:"paths"`
	Components struct {
		Schemas map[string]map[string]any `json:"schemas"`
	} `json:"components"`
}

type publishedOp struct {
	OperationID string `json:"operationId"`
	Responses   map[string]struct {
		Description string `json:"description"`
		Content     map[string]struct {
			Schema map[string]any `json:"schema"`
		} `json:"content"`
	} `json:"responses"`
}

func readDocument(t testing.TB, b []byte) *published {
	t.Helper()
	var p published
	if err := json.Unmarshal(b, &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

// operation finds the documented operation of a request's path.
func (p *published) operation(method, path string) (publishedOp, string, bool) {
	// Literal parts win over parameters, so the most literal path is tried first.
	paths := make([]string, 0, len(p.Paths))
	for k := range p.Paths {
		paths = append(paths, k)
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Count(a, "{") - strings.Count(b, "{") })
	for _, k := range paths {
		re := regexp.MustCompile("^" + regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(k), "[^/]+") + "$")
		if re.MatchString(path) {
			op, ok := p.Paths[k][strings.ToLower(method)]
			return op, k, ok
		}
	}
	return publishedOp{}, "", false
}

// wrong compares an answer with the document: status, media type, schema and,
// for problems, the code.
func (p *published) wrong(method, path string, status int, contentType string, body []byte) (problems []string) {
	op, _, ok := p.operation(method, path)
	if !ok {
		return []string{"the operation is not documented"}
	}
	r, ok := op.Responses[fmt.Sprint(status)]
	if !ok {
		return []string{fmt.Sprintf("status %d is not documented", status)}
	}
	mediaType, _, _ := strings.Cut(contentType, ";")
	if len(r.Content) == 0 {
		if len(body) > 0 {
			problems = append(problems, "a body where none is documented")
		}
		return problems
	}
	m, ok := r.Content[mediaType]
	if !ok {
		return []string{fmt.Sprintf("media type %q is not documented", contentType)}
	}
	if mediaType == "text/event-stream" {
		return nil
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return []string{err.Error()}
	}
	p.conform(m.Schema, v, "$", func(s string) { problems = append(problems, s) })
	if mediaType == problemType {
		if code, _ := v.(map[string]any)["code"].(string); !strings.Contains(r.Description, "`"+code+"`") {
			problems = append(problems, fmt.Sprintf("code %q is not documented with %d", code, status))
		}
	}
	return problems
}

// conform checks v against the JSON Schema that was published.
func (p *published) conform(s map[string]any, v any, at string, bad func(string)) {
	if ref, ok := s["$ref"].(string); ok {
		p.conform(p.Components.Schemas[ref[strings.LastIndexByte(ref, '/')+1:]], v, at, bad)
		return
	}
	if alts, ok := s["anyOf"].([]any); ok {
		for _, alt := range alts {
			fits := true
			p.conform(alt.(map[string]any), v, at, func(string) { fits = false })
			if fits {
				return
			}
		}
		bad(at + " fits no alternative")
		return
	}
	var types []string
	switch t := s["type"].(type) {
	case string:
		types = []string{t}
	case []any:
		for _, x := range t {
			types = append(types, x.(string))
		}
	}
	var is string
	switch x := v.(type) {
	case nil:
		is = "null"
	case bool:
		is = "boolean"
	case string:
		is = "string"
	case float64:
		is = "number"
		if x == float64(int64(x)) && slices.Contains(types, "integer") {
			is = "integer"
		}
	case []any:
		is = "array"
	case map[string]any:
		is = "object"
	}
	if !slices.Contains(types, is) {
		bad(fmt.Sprintf("%s is %s, documented %v", at, is, types))
		return
	}
	if enum, ok := s["enum"].([]any); ok && v != nil && !slices.Contains(enum, v) {
		bad(fmt.Sprintf("%s: %v is none of %v", at, v, enum))
	}
	switch x := v.(type) {
	case string:
		if s["format"] == "date-time" {
			if _, err := time.Parse(time.RFC3339, x); err != nil || !strings.HasSuffix(x, "Z") {
				bad(at + ": not a UTC time: " + x)
			}
		}
	case []any:
		for i, item := range x {
			p.conform(s["items"].(map[string]any), item, fmt.Sprintf("%s[%d]", at, i), bad)
		}
	case map[string]any:
		props, _ := s["properties"].(map[string]any)
		if required, ok := s["required"].([]any); ok {
			for _, name := range required {
				if _, there := x[name.(string)]; !there {
					bad(at + "." + name.(string) + " is missing")
				}
			}
		}
		for name, item := range x {
			if prop, known := props[name].(map[string]any); known {
				p.conform(prop, item, at+"."+name, bad)
			} else if s["additionalProperties"] == false {
				bad(at + "." + name + " is not documented")
			}
		}
	}
}
