package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/sale"
)

// unconnected is the API without services: enough for what it publishes.
func unconnected(t *testing.T) *echo.Echo {
	t.Helper()
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) { _ = WriteProblem(c, err) }
	public, err := url.Parse("https://fairqueue.example")
	if err != nil {
		t.Fatal(err)
	}
	Mount(e, Config{Sales: sale.New(sale.Config{}), PublicURL: public})
	return e
}

func get(e *echo.Echo, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil))
	return w
}

func TestTheDocumentHasEveryRoute(t *testing.T) {
	t.Parallel()
	e := unconnected(t)
	w := get(e, openAPIPath)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s", w.Code, w.Header())
	}
	doc := readDocument(t, w.Body.Bytes())
	var documented []string
	for path, ops := range doc.Paths {
		for method := range ops {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(documented)
	want := []string{
		"DELETE /api/v1/claims/{id}",
		"DELETE /api/v1/events/{event}/queue",
		"DELETE /api/v1/organizer/events/{event}/presales/{id}",
		"GET /.well-known/jwks.json",
		"GET /api/v1/claims/{id}",
		"GET /api/v1/events",
		"GET /api/v1/events/{event}",
		"GET /api/v1/events/{event}/fairness",
		"GET /api/v1/events/{event}/fairness/admissions",
		"GET /api/v1/events/{event}/fairness/exceptions",
		"GET /api/v1/events/{event}/fairness/leaves",
		"GET /api/v1/events/{event}/fairness/proof",
		"GET /api/v1/events/{event}/presale",
		"GET /api/v1/events/{event}/queue",
		"GET /api/v1/events/{event}/queue/receipt",
		"GET /api/v1/events/{event}/queue/stream",
		"GET /api/v1/events/{event}/seats",
		"GET /api/v1/organizer/events/{event}/cancel",
		"GET /api/v1/organizer/events/{event}/orders",
		"GET /api/v1/organizer/events/{event}/presales",
		"GET /api/v1/organizer/events/{event}/seat_map",
		"GET /api/v1/organizer/events/{event}/stats",
		"GET /api/v1/organizer/orders/{id}",
		"GET /api/v1/payments/{id}",
		"GET /api/v1/tickets",
		"PATCH /api/v1/claims/{id}",
		"PATCH /api/v1/organizer/events/{event}",
		"PATCH /api/v1/organizer/events/{event}/sale",
		"POST /api/v1/auth/code",
		"POST /api/v1/auth/token",
		"POST /api/v1/claims/{id}/extend",
		"POST /api/v1/claims/{id}/payments",
		"POST /api/v1/events/{event}/claims",
		"POST /api/v1/events/{event}/presale",
		"POST /api/v1/events/{event}/queue",
		"POST /api/v1/organizer/events",
		"POST /api/v1/organizer/events/{event}/beacon",
		"POST /api/v1/organizer/events/{event}/cancel",
		"POST /api/v1/organizer/events/{event}/end",
		"POST /api/v1/organizer/events/{event}/open",
		"POST /api/v1/organizer/events/{event}/pause",
		"POST /api/v1/organizer/events/{event}/presales",
		"POST /api/v1/organizer/events/{event}/publish",
		"POST /api/v1/organizer/events/{event}/releases",
		"POST /api/v1/organizer/events/{event}/resume",
		"POST /api/v1/organizer/events/{event}/stock",
		"POST /api/v1/organizer/events/{event}/tickets/{id}/name",
		"POST /api/v1/organizer/orders/{id}/refund",
		"POST /api/v1/tickets/{id}/return",
		"POST /api/v1/tickets/{id}/transfer",
		"POST /webhooks/paystack",
	}
	if !slices.Equal(documented, want) {
		t.Errorf("got\n%s", strings.Join(documented, "\n"))
	}
	// What is documented is served, and nothing else below /api/v1.
	var served []string
	for _, r := range e.Routes() {
		if p := regexp.MustCompile(`:([a-z]+)`).ReplaceAllString(r.Path, "{$1}"); !strings.HasPrefix(p, docsPath) && p != openAPIPath {
			served = append(served, r.Method+" "+p)
		}
	}
	slices.Sort(served)
	if !slices.Equal(served, want) {
		t.Errorf("served\n%s", strings.Join(served, "\n"))
	}
}

func TestTheDocumentIsWhole(t *testing.T) {
	t.Parallel()
	b := get(unconnected(t), openAPIPath).Body.Bytes()
	doc := readDocument(t, b)
	for _, ref := range regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllSubmatch(b, -1) {
		if _, ok := doc.Components.Schemas[string(ref[1])]; !ok {
			t.Errorf("%s does not exist", ref[1])
		}
	}
	for name := range doc.Components.Schemas {
		if !strings.Contains(string(b), `"#/components/schemas/`+name+`"`) {
			t.Errorf("nothing refers to %s", name)
		}
	}
	var whole struct {
		OpenAPI string              `json:"openapi"`
		Servers []map[string]string `json:"servers"`
	}
	if err := json.Unmarshal(b, &whole); err != nil || whole.OpenAPI != "3.1.0" || whole.Servers[0]["url"] != "https://fairqueue.example" {
		t.Errorf("%v %+v", err, whole)
	}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			if op.OperationID == "" || len(op.Responses) < 2 {
				t.Errorf("%s %s: %+v", method, path, op)
			}
			if strings.Contains(path, "{event}") && !strings.Contains(op.Responses["404"].Description, "event_not_found") {
				t.Errorf("%s %s does not say what an unknown event is", method, path)
			}
		}
	}
}

func TestTheDocumentationPageStandsAlone(t *testing.T) {
	t.Parallel()
	e := unconnected(t)
	w := get(e, docsPath)
	page := w.Body.String()
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("%d %s", w.Code, w.Header())
	}
	for _, no := range []string{"<script", "<style", " style=", " onclick", "http:", "ZgotmplZ", "ErrorModel"} {
		if strings.Contains(page, no) {
			t.Errorf("the page has %q", no)
		}
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		target := m[1]
		if id, ok := strings.CutPrefix(target, "#"); ok {
			if !strings.Contains(page, `id="`+id+`"`) {
				t.Errorf("nothing has the id %q", id)
			}
			continue
		}
		if target == "/" {
			continue
		}
		if w := get(e, target); w.Code != 200 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("two things have the id %q", m[1])
		}
		ids[m[1]] = true
	}
	for name := range codes {
		if !ids[name] {
			t.Errorf("code %s is not explained", name)
		}
	}
}

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	t.Parallel()
	e := unconnected(t)
	w := get(e, "/api/v1/nothing")
	if w.Code != 404 || w.Header().Get("Content-Type") != problemType || !strings.Contains(w.Body.String(), `"code":"not_found"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/api/v1/events", nil))
	if w.Code != 405 || w.Header().Get("Allow") == "" || !strings.Contains(w.Body.String(), `"code":"method_not_allowed"`) {
		t.Errorf("%d %s %s", w.Code, w.Header(), w.Body)
	}
}
