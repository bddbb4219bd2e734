package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
)

var (
	//go:embed docs.html
	docsHTML string
	//go:embed docs.css
	docsCSS []byte

	docsTemplate = template.Must(template.New("docs").Funcs(template.FuncMap{"ticks": ticks}).Parse(docsHTML))
)

// docs serves the document and a page made from it, both rendered once: they
// cannot differ from each other, and the page loads nothing from elsewhere.
func (a *API) docs(e *echo.Echo) {
	doc := a.huma.OpenAPI()
	// huma documents its own form of an error even where nothing answers with it.
	delete(doc.Components.Schemas.Map(), "ErrorModel")
	delete(doc.Components.Schemas.Map(), "ErrorDetail")

	spec, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Errorf("api: the OpenAPI document cannot be written: %w", err))
	}
	var page bytes.Buffer
	if err := docsTemplate.Execute(&page, newDocsView(doc)); err != nil {
		panic(fmt.Errorf("api: the documentation page cannot be written: %w", err))
	}
	e.GET(openAPIPath, serve("application/json", spec))
	e.GET(docsPath, serve("text/html; charset=utf-8", page.Bytes()))
	e.GET(docsPath+"/docs.css", serve("text/css; charset=utf-8", docsCSS))
	seatMapFiles(e)
}

// serve answers with bytes that never change while the process runs.
func serve(contentType string, b []byte) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-cache")
		return c.Blob(http.StatusOK, contentType, b)
	}
}

type docsView struct {
	Intro, Server, CSS, Spec string
	Sections                 []docsSection
	Schemas                  []docsSchema
	Codes                    []docsCode
}

type docsSection struct {
	Anchor, Name, About string
	Ops                 []docsOp
}

type docsOp struct {
	Anchor, Method, Path, Summary, About, Auth string
	Params                                     []docsField
	Body, Try                                  string
	Answers                                    []docsAnswer
}

// docsAnswer is a success with the type of its body, or a status of problems
// with their codes.
type docsAnswer struct {
	Status, About, Schema string
	Codes                 []string
}

type docsSchema struct {
	Name   string
	Fields []docsField
}

type docsField struct {
	Name, Type, Link, About string
	Required                bool
}

type docsCode struct {
	Name, Title, Meaning string
	Status               int
}

func newDocsView(doc *huma.OpenAPI) docsView {
	v := docsView{Intro: doc.Info.Description, Server: doc.Servers[0].URL, CSS: docsPath + "/docs.css", Spec: openAPIPath}
	for _, tag := range doc.Tags {
		s := docsSection{Anchor: anchor(tag.Name), Name: tag.Name, About: tag.Description}
		for path, item := range doc.Paths {
			for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
				if op != nil && op.Tags[0] == tag.Name {
					s.Ops = append(s.Ops, newDocsOp(doc, path, op))
				}
			}
		}
		slices.SortFunc(s.Ops, func(a, b docsOp) int {
			if c := strings.Compare(a.Path, b.Path); c != 0 {
				return c
			}
			return methodRank(a.Method) - methodRank(b.Method)
		})
		v.Sections = append(v.Sections, s)
	}
	for name, s := range doc.Components.Schemas.Map() {
		v.Schemas = append(v.Schemas, docsSchema{Name: name, Fields: fieldsOf(s)})
	}
	slices.SortFunc(v.Schemas, func(a, b docsSchema) int { return strings.Compare(a.Name, b.Name) })
	for name, c := range codes {
		v.Codes = append(v.Codes, docsCode{Name: name, Title: c.title, Meaning: c.meaning, Status: c.status})
	}
	slices.SortFunc(v.Codes, func(a, b docsCode) int {
		if a.Status != b.Status {
			return a.Status - b.Status
		}
		return strings.Compare(a.Name, b.Name)
	})
	return v
}

func methodRank(m string) int {
	return slices.Index([]string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete}, m)
}

func newDocsOp(doc *huma.OpenAPI, path string, op *huma.Operation) docsOp {
	o := docsOp{Anchor: op.OperationID, Method: op.Method, Path: path, Summary: op.Summary, About: op.Description}
	switch len(op.Security) {
	case 0:
		o.Auth = "Anyone"
	case 1:
		o.Auth = "Bearer token"
	default:
		o.Auth = "Anyone; a bearer token says more"
	}
	for _, p := range op.Parameters {
		o.Params = append(o.Params, docsField{Name: p.Name, Type: "in " + p.In + ", " + typeOf(p.Schema), About: p.Description, Required: p.Required})
	}
	if op.RequestBody != nil {
		if m := op.RequestBody.Content["application/json"]; m != nil {
			o.Body = refName(m.Schema)
		}
	}
	for status, r := range op.Responses {
		a := docsAnswer{Status: status, About: r.Description}
		for mediaType, m := range r.Content {
			if mediaType == problemType {
				text, codes, _ := strings.Cut(r.Description, ": ")
				a.About, a.Codes = text, strings.Split(strings.ReplaceAll(codes, "`", ""), ", ")
			} else {
				a.Schema = refName(m.Schema)
			}
		}
		o.Answers = append(o.Answers, a)
	}
	o.Try = try(doc, path, op)
	slices.SortFunc(o.Answers, func(a, b docsAnswer) int { return strings.Compare(a.Status, b.Status) })
	return o
}

// try is a command line that calls the operation.
func try(doc *huma.OpenAPI, path string, op *huma.Operation) string {
	var b strings.Builder
	b.WriteString("curl")
	if op.Method != http.MethodGet {
		b.WriteString(" -X " + op.Method)
	}
	if op.OperationID == "stream-queue" {
		b.WriteString(" -N")
	}
	b.WriteString(" '" + doc.Servers[0].URL + path + requiredQuery(op) + "'")
	if len(op.Security) == 1 {
		b.WriteString(" \\\n  -H 'Authorization: Bearer TOKEN'")
	}
	for _, p := range op.Parameters {
		if p.In == "header" {
			b.WriteString(" \\\n  -H '" + p.Name + ": …'")
		}
	}
	if op.RequestBody != nil && op.RequestBody.Required {
		example, err := json.Marshal(exampleOf(doc, op.RequestBody.Content["application/json"].Schema))
		if err == nil && string(example) != "{}" {
			b.WriteString(" \\\n  -H 'Content-Type: application/json' \\\n  -d '" + string(example) + "'")
		}
	}
	return b.String()
}

// requiredQuery is the query without which an operation answers nothing.
func requiredQuery(op *huma.Operation) string {
	q := ""
	for _, p := range op.Parameters {
		if p.In == "query" && p.Required {
			q += "&" + p.Name + "=" + fmt.Sprint(p.Schema.Examples[0])
		}
	}
	return strings.Replace(q, "&", "?", 1)
}

// exampleOf makes a value of a schema: what is required, and where nothing is
// required, what has an example.
func exampleOf(doc *huma.OpenAPI, s *huma.Schema) any {
	for s.Ref != "" {
		s = doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type == huma.TypeArray:
		return []any{exampleOf(doc, s.Items)}
	case s.Type == huma.TypeInteger && s.Minimum != nil:
		return int64(*s.Minimum)
	case s.Type == huma.TypeInteger:
		return 1
	case s.Format == "date-time":
		return "2030-08-01T18:00:00Z"
	case s.Format == "uuid":
		return "0190e8a0-0000-7000-8000-000000000001"
	case s.Type == huma.TypeObject:
		m := map[string]any{}
		for name, p := range s.Properties {
			if slices.Contains(s.Required, name) || (len(s.Required) == 0 && len(p.Examples) > 0) {
				m[name] = exampleOf(doc, p)
			}
		}
		return m
	}
	return ""
}

func fieldsOf(s *huma.Schema) []docsField {
	var out []docsField
	for _, name := range sortedNames(s.Properties) {
		p := s.Properties[name]
		out = append(out, docsField{
			Name: name, Type: typeOf(p), Link: refName(p), About: p.Description, Required: slices.Contains(s.Required, name),
		})
	}
	// The required ones first: they are what a first request needs.
	slices.SortStableFunc(out, func(a, b docsField) int {
		switch {
		case a.Required == b.Required:
			return 0
		case a.Required:
			return -1
		}
		return 1
	})
	return out
}

// refName is the schema that s, its items or its alternative refers to.
func refName(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case s.Items != nil:
		return refName(s.Items)
	case len(s.AnyOf) > 0:
		return refName(s.AnyOf[0])
	}
	return ""
}

// typeOf says in a few words what a value looks like.
func typeOf(s *huma.Schema) string {
	var t string
	switch {
	case s.Ref != "":
		return refName(s)
	case len(s.AnyOf) > 0:
		return refName(s.AnyOf[0]) + " or null"
	case s.Type == huma.TypeArray:
		t = "list of " + typeOf(s.Items)
	case len(s.Enum) > 0:
		var all []string
		for _, e := range s.Enum {
			all = append(all, strconv.Quote(fmt.Sprint(e)))
		}
		t = strings.Join(all, " | ")
	case s.Type == huma.TypeInteger && s.Minimum != nil && s.Maximum != nil:
		t = fmt.Sprintf("whole number, %d to %d", int64(*s.Minimum), int64(*s.Maximum))
	case s.Type == huma.TypeInteger:
		t = "whole number"
	case s.Type == huma.TypeString && (s.Format == "date-time" || s.Format == "uuid" || s.Format == "email"):
		t = map[string]string{"date-time": "time", "uuid": "id", "email": "e-mail address"}[s.Format]
	case s.Type == "":
		t = "anything"
	default:
		t = s.Type
	}
	if s.Nullable {
		t += " or null"
	}
	return t
}

func anchor(name string) string { return strings.ToLower(strings.ReplaceAll(name, " ", "-")) }

// ticks turns `code` in a sentence into <code>.
func ticks(s string) template.HTML {
	parts := strings.Split(template.HTMLEscapeString(s), "`")
	var b strings.Builder
	for i, p := range parts {
		if i%2 == 1 {
			p = "<code>" + p + "</code>"
		}
		b.WriteString(p)
	}
	return template.HTML(b.String()) //nolint:gosec // escaped above
}
