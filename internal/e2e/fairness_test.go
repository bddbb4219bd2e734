package e2e_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// drawShow is a sale whose draw was held among n fans with a beacon; its first fan is the one of the mail.
func (p *product) drawShow(t testing.TB, slug string, n int, mail string) *show {
	t.Helper()
	s := p.draft(t, slug, 5, func(body map[string]any) {
		now := time.Now().UTC()
		sale := body["sale"].(map[string]any)
		sale["ordering"], sale["max_inside"] = "draw", 2
		sale["lobby_opens_at"], sale["opens_at"] = now.Add(-time.Minute).Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339)
		sale["beacon"] = map[string]any{"name": "Lagos lotto", "round": 7}
	})
	p.api(t, "POST", "/organizer/events/"+s.id+"/publish", p.asOrganizer(), nil).want(http.StatusOK)
	bearer, _ := p.signedIn(mail)
	tokens := []string{bearer}
	for _, f := range p.fans(n - 1) {
		tokens = append(tokens, f.Token)
	}
	for _, token := range tokens {
		p.api(t, "POST", "/events/"+s.id+"/queue", token, nil).want(http.StatusCreated)
	}
	p.api(t, "POST", "/organizer/events/"+s.id+"/open", p.asOrganizer(), nil).want(http.StatusAccepted)
	p.api(t, "POST", "/organizer/events/"+s.id+"/beacon", p.asOrganizer(), map[string]any{"value": "07-14-21-28-35"}).want(http.StatusOK)
	p.until("somebody is called", func() bool {
		return p.count(`SELECT serving FROM queue_heads WHERE event_id = $1`, s.id) > 0
	})
	return s
}

// alter answers requests for an address with the server's answer, changed.
func (v *person) alter(pattern string, change func(body string) string) {
	v.t.Helper()
	v.must(v.Route(pattern, func(r playwright.Route) {
		answer, err := r.Fetch()
		if err != nil {
			_ = r.Abort()
			return
		}
		body, err := answer.Text()
		if err != nil {
			_ = r.Abort()
			return
		}
		// Not Response: with it playwright-go sends the body that it read itself. The body is plain by now.
		headers := answer.Headers()
		delete(headers, "content-encoding")
		delete(headers, "content-length")
		_ = r.Fulfill(playwright.RouteFulfillOptions{Status: playwright.Int(answer.Status()), Headers: headers, Body: change(body)})
	}))
}

// digit changes the last character of a text: one byte.
func digit(text string) string {
	last := "0"
	if strings.HasSuffix(text, "0") {
		last = "1"
	}
	return text[:len(text)-1] + last
}

// changed is JSON with one value below a path changed by a byte; numbers mean elements.
func changed(path ...any) func(string) string {
	return func(body string) string {
		var doc any
		if err := json.Unmarshal([]byte(body), &doc); err != nil {
			return body
		}
		at := doc
		for _, step := range path[:len(path)-1] {
			switch k := step.(type) {
			case string:
				at = at.(map[string]any)[k]
			case int:
				at = at.([]any)[k]
			}
		}
		change := func(v any) any {
			if n, ok := v.(float64); ok {
				return n + 1
			}
			return digit(v.(string))
		}
		switch k := path[len(path)-1].(type) {
		case string:
			m := at.(map[string]any)
			m[k] = change(m[k])
		case int:
			l := at.([]any)
			l[k] = change(l[k])
		}
		out, err := json.Marshal(doc)
		if err != nil {
			return body
		}
		return string(out)
	}
}

// checked presses a button of the check and returns how each line ended, by its name.
func (v *person) checked(button string) map[string]string {
	v.t.Helper()
	v.click("button", button)
	return v.verdict()
}

// verdict waits for the end of a check.
func (v *person) verdict() map[string]string {
	v.t.Helper()
	v.waits(v.Locator("#check-sum .bn"))
	lines, err := v.Locator("#check-lines li").All()
	v.must(err)
	marks := map[string]string{}
	for _, l := range lines {
		name, err := l.GetAttribute("data-check")
		v.must(err)
		mark, err := l.GetAttribute("data-mark")
		v.must(err)
		marks[name] = mark
		text, err := l.InnerText()
		v.must(err)
		if words := map[string]string{"ok": "Agrees", "bad": "Differs", "wait": "Not yet", "own": "Yours to compare", "skip": "Not checked",
			"weak": "Does not count", "other": "Another event", "never": "Never drawn", "none": "None"}; !strings.Contains(text, words[mark]) {
			v.t.Errorf("the line %s does not say %q: %s", name, words[mark], text)
		}
	}
	return marks
}

func failed(marks map[string]string) (names []string) {
	for name, mark := range marks {
		if mark == "bad" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// The browser computes the draw again from public data alone, and one byte that the server changes in any answer is
// found and named.
func TestTheFairnessPageFindsAChangedByte(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	b := startBrowser(t, p)
	const mail = "checks@example.test"
	s := p.drawShow(t, "checked-draw", 9, mail)
	v := b.visit(t, true)
	_, cookie := p.signedIn(mail)
	v.must(v.context.AddCookies([]playwright.OptionalCookie{{Name: "fq_session", Value: cookie, URL: playwright.String(p.url)}}))
	path := "/events/" + s.slug + "/fairness"
	v.open(path)

	whole := map[string]string{"page": "ok", "commitment": "ok", "seed": "ok", "beacon": "own", "root": "ok", "number": "ok", "calls": "ok"}
	if got := v.checked("Check now"); !maps.Equal(got, whole) {
		t.Fatalf("of the true data: %v", got)
	}
	v.reads("Everything agrees")
	whole["leaves"] = "ok"
	if got := v.checked("Check every place and call"); !maps.Equal(got, whole) {
		t.Fatalf("of all true data: %v", got)
	}

	api := "**/api/v1/events/" + s.id + "/fairness"
	for _, c := range []struct {
		what, pattern string
		change        func(string) string
		wrong         []string // the checks that must fail
		says          string
	}{
		{"the seal", api, changed("draw", "commitment"), []string{"commitment", "page"}, "is not the seal"},
		{"the secret", api, changed("draw", "secret"), []string{"commitment", "page", "seed"}, "not the one that was promised before anybody joined"},
		{"the root", api, changed("draw", "root"), []string{"leaves", "page", "root", "seed"}, "does not lead to the published root"},
		{"the size of the lobby", api, changed("draw", "lobby_size"), []string{"leaves", "number", "page", "root", "seed"}, "were published"},
		{"the beacon", api, changed("draw", "beacon", "value"), []string{"page", "seed"}, "the value of the beacon"},
		{"the seed", api, changed("draw", "seed"), []string{"number", "page", "seed"}, "The seed does not follow"},
		{"the leaf", api + "/proof?*", changed("leaf"), []string{"root"}, "is another place than yours"},
		{"the path", api + "/proof?*", changed("path", 0), []string{"root"}, "does not lead to the published root"},
		{"the root of the proof", api + "/proof?*", changed("root"), []string{"root"}, "does not lead to the published root"},
		{"a leaf of the list", api + "/leaves?*", changed("leaves", 3), []string{"leaves"}, "added, taken out or moved"},
		{"a step of the line", api + "/admissions?*", changed("admissions", 0, "from_number"), []string{"calls"}, "The first step begins with 2"},
	} {
		v.alter(c.pattern, c.change)
		got := failed(v.checked("Check every place and call"))
		// A seed that is changed may give the same number once in nine times.
		if c.what == "the seed" || c.what == "the size of the lobby" {
			got, c.wrong = without(got, "number"), without(c.wrong, "number")
		}
		if !slices.Equal(got, c.wrong) {
			t.Errorf("%s was changed: %v differ, want %v", c.what, got, c.wrong)
		}
		v.reads("Something differs")
		v.waits(v.Locator("#check-lines").GetByText(c.says).First())
		v.must(v.Unroute(c.pattern))
	}

	// The page itself may lie about the number it gives.
	v.alter("**"+path, func(body string) string {
		// Not the arrival, which may be the same figure.
		return ownNumber.ReplaceAllString(body, `${1}="10"`)
	})
	v.reload()
	if got := failed(v.checked("Check now")); !slices.Contains(got, "number") {
		t.Errorf("another number than drawn: %v differ", got)
	}
	v.reads("but you were told 10")
	v.must(v.Unroute("**" + path))

	// Without the page's help, for anybody: an arrival that is typed in.
	stranger := b.visit(t, true)
	stranger.open(path)
	stranger.fill("Your arrival", "4")
	if got := stranger.checked("Check now"); len(failed(got)) != 0 || got["root"] != "ok" || got["number"] != "own" {
		t.Errorf("a stranger's check: %v", got)
	}
	s.audited(t)
}

// ownNumber finds the number that the fairness page gives a fan, where it is shown and where it is checked.
var ownNumber = regexp.MustCompile(`(data-number|id="check-number"[^>]* value)="\d+"`)

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

// A receipt is checked in the browser: its signature, its promise, and the place in the published list.
func TestAReceiptIsCheckedInTheBrowser(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	b := startBrowser(t, p)
	const mail = "receipt@example.test"
	s := p.drawShow(t, "receipt-draw", 5, mail)
	v := b.visit(t, true)
	_, cookie := p.signedIn(mail)
	v.must(v.context.AddCookies([]playwright.OptionalCookie{{Name: "fq_session", Value: cookie, URL: playwright.String(p.url)}}))
	v.open("/events/" + s.slug + "/fairness")
	v.click("link", "Get your receipt")
	v.sees("Your receipt")
	receipt, err := v.Locator("#receipt").InputValue()
	v.must(err)

	v.click("link", "Check it")
	want := map[string]string{"signature": "ok", "event": "ok", "page": "ok", "commitment": "ok", "seed": "ok", "beacon": "own", "root": "ok", "number": "ok", "calls": "ok", "promise": "ok"}
	if got := v.verdict(); !maps.Equal(got, want) {
		t.Fatalf("of a true receipt: %v", got)
	}
	if strings.Contains(v.URL(), "receipt=") {
		t.Errorf("the receipt stays in the address: %s", v.URL())
	}

	parts := strings.Split(receipt, ".")
	paste := func(text string) []string {
		t.Helper()
		v.fill("Your receipt", text)
		return failed(v.checked("Check the receipt"))
	}
	// As the API gives it, broken into lines by a mail.
	if got := paste("{\n \"receipt\": \"" + parts[0] + "." + parts[1] + ".\n" + parts[2] + "\" }\n"); len(got) != 0 {
		t.Errorf("the answer of the API: %v differ", got)
	}
	v.waits(v.Locator("#check-sum").GetByText("Everything agrees"))
	// On the clock of the event, which is said.
	v.waits(v.Locator("#check-lines").GetByText(", Lagos time."))
	// The last character of a part carries unused bits: the one before decides.
	flip := func(part string) string { return digit(part[:len(part)-1]) + part[len(part)-1:] }
	if got := paste(parts[0] + "." + parts[1] + "." + flip(parts[2])); !slices.Equal(got, []string{"signature"}) {
		t.Errorf("another signature: %v differ", got)
	}
	if got := paste("not a receipt"); !slices.Equal(got, []string{"signature"}) {
		t.Errorf("no receipt: %v differ", got)
	}
	const keys = "**/.well-known/jwks.json"
	v.alter(keys, func(body string) string {
		var set struct {
			Keys []map[string]any `json:"keys"`
		}
		if err := json.Unmarshal([]byte(body), &set); err != nil || len(set.Keys) == 0 {
			return body
		}
		x := set.Keys[0]["x"].(string)
		set.Keys[0]["x"] = flip(x)
		out, _ := json.Marshal(set)
		return string(out)
	})
	if got := paste(receipt); !slices.Equal(got, []string{"signature"}) {
		t.Errorf("another key: %v differ", got)
	}
	v.must(v.Unroute(keys))
	api := "**/api/v1/events/" + s.id + "/fairness"
	v.alter(api, changed("draw", "commitment"))
	if got := paste(receipt); !slices.Contains(got, "promise") {
		t.Errorf("another seal than promised: %v differ", got)
	}
	v.must(v.Unroute(api))

	other := p.newShow(t, "receipt-other", 5, nil)
	v.open("/events/" + other.slug + "/fairness")
	if got := paste(receipt); len(got) != 0 {
		t.Errorf("the receipt of another event: %v differ", got)
	}
	v.waits(v.Locator("#check-sum").GetByText("This receipt is for another event"))
	if got := v.checked("Check now"); len(failed(got)) != 0 {
		t.Errorf("a sale without a draw: %v", got)
	}
	v.reads("There is no draw")

	plain := b.visit(t, false)
	plain.open("/events/" + s.slug + "/fairness")
	plain.reads("fairqueue verify --event " + s.slug)
	plain.reads("The numbers were drawn")
	plain.reads("07-14-21-28-35")
	if shown, err := plain.Locator("#check").IsVisible(); err != nil || shown {
		t.Errorf("without JavaScript the check is shown: %v %v", shown, err)
	}
}
