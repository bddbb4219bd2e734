package e2e_test

import (
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// step is how long a person waits for a page to show something.
const step = 30 * time.Second

// browser is a real Chromium.
type browser struct {
	playwright.Browser
	product *product
}

// starting lets one test at a time start Playwright, which writes to variables of its package then.
var starting sync.Mutex

// startBrowser starts Chromium through Playwright. Where they are comes from FAIRQUEUE_PLAYWRIGHT_DRIVER (the folder that
// holds package/cli.js) and FAIRQUEUE_CHROMIUM; else the places of `make test` and of an ordinary Playwright are tried.
func startBrowser(t testing.TB, p *product) *browser {
	t.Helper()
	driver := os.Getenv("FAIRQUEUE_PLAYWRIGHT_DRIVER")
	if driver == "" {
		// Where .ci/setup puts it; else playwright-go looks in its own place.
		if found, err := filepath.Glob(filepath.Join("..", "..", ".cache", "playwright-*", "package", "cli.js")); err == nil && len(found) > 0 {
			driver = filepath.Dir(filepath.Dir(found[0]))
		}
	}
	if driver != "" {
		abs, err := filepath.Abs(driver)
		if err != nil {
			t.Fatal(err)
		}
		driver = abs
	}
	starting.Lock()
	if os.Getenv("PLAYWRIGHT_NODEJS_PATH") == "" {
		if node, err := exec.LookPath("node"); err == nil {
			_ = os.Setenv("PLAYWRIGHT_NODEJS_PATH", node)
		}
	}
	pw, err := playwright.Run(&playwright.RunOptions{DriverDirectory: driver, SkipInstallBrowsers: true, Stdout: io.Discard, Stderr: os.Stderr,
		Logger: slog.New(slog.DiscardHandler)})
	starting.Unlock()
	if err != nil {
		t.Fatalf("the browser tests need the Playwright driver (make test gets it): %v", err)
	}
	t.Cleanup(func() {
		if err := pw.Stop(); err != nil {
			t.Error(err)
		}
	})
	options := playwright.BrowserTypeLaunchOptions{Args: []string{"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync"}}
	if chromium := os.Getenv("FAIRQUEUE_CHROMIUM"); chromium != "" {
		options.ExecutablePath = &chromium
	} else if _, err := os.Stat("/usr/bin/chromium"); err == nil {
		options.ExecutablePath = playwright.String("/usr/bin/chromium")
	}
	b, err := pw.Chromium.Launch(options)
	if err != nil {
		t.Fatalf("the browser tests need Chromium (make test gets it, or name it in FAIRQUEUE_CHROMIUM): %v", err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return &browser{Browser: b, product: p}
}

// person is somebody at a device.
type person struct {
	playwright.Page
	t       testing.TB
	p       *product
	context playwright.BrowserContext
}

// visit opens a device: a small phone in Lagos. What goes wrong there is recorded as a trace.
func (b *browser) visit(t testing.TB, javaScript bool) *person {
	t.Helper()
	ctx, err := b.NewContext(playwright.BrowserNewContextOptions{
		BaseURL: playwright.String(b.product.url), JavaScriptEnabled: playwright.Bool(javaScript), Locale: playwright.String("en-NG"),
		TimezoneId: playwright.String("Africa/Lagos"), Viewport: &playwright.Size{Width: 360, Height: 740},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx.SetDefaultTimeout(float64(step.Milliseconds()))
	if err := ctx.Tracing().Start(playwright.TracingStartOptions{Screenshots: playwright.Bool(true), Snapshots: playwright.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	name := strings.Trim(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(t.Name(), "-"), "-") + "-" + time.Now().Format("150405.000") + ".zip"
	t.Cleanup(func() {
		if t.Failed() {
			trace := filepath.Join("..", "..", "test-results", name)
			if err := ctx.Tracing().Stop(trace); err == nil {
				t.Logf("trace: test-results/%s (open it with npx playwright show-trace)", name)
			}
		}
		_ = ctx.Close()
	})
	v := &person{t: t, p: b.product, context: ctx}
	v.Page = v.tab()
	return v
}

// tab opens another page of the same device. Scripts that fail, and whatever the security policy stops, fail the test.
func (v *person) tab() playwright.Page {
	v.t.Helper()
	page, err := v.context.NewPage()
	if err != nil {
		v.t.Fatal(err)
	}
	var mu sync.Mutex
	var wrong []string
	page.OnConsole(func(m playwright.ConsoleMessage) {
		// A refused form answers 4xx, and a cut network not at all, and the browser notes it; that is what the test looks at
		// itself.
		if m.Type() == "error" && !strings.Contains(m.Text(), "Failed to load resource") && !strings.Contains(m.Text(), "Failed to fetch") {
			mu.Lock()
			defer mu.Unlock()
			wrong = append(wrong, m.Text())
		}
	})
	page.OnPageError(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		wrong = append(wrong, err.Error())
	})
	v.t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, w := range wrong {
			v.t.Errorf("the browser complains: %s", w)
		}
	})
	return page
}

func (v *person) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatalf("at %s: %v", v.URL(), err)
	}
}

func (v *person) open(path string) {
	v.t.Helper()
	_, err := v.Goto(path)
	v.must(err)
}

func (v *person) reload() {
	v.t.Helper()
	_, err := v.Reload()
	v.must(err)
}

// click presses the button or follows the link of a name.
func (v *person) click(role, name string) {
	v.t.Helper()
	v.must(v.role(role, name).Click())
}

func (v *person) role(role, name string) playwright.Locator {
	return v.GetByRole(playwright.AriaRole(role), playwright.PageGetByRoleOptions{Name: name}).First()
}

// fill writes into the field with a label.
func (v *person) fill(label, value string) {
	v.t.Helper()
	v.must(v.GetByLabel(label, playwright.PageGetByLabelOptions{Exact: playwright.Bool(true)}).First().Fill(value))
}

// named writes the buyer's name at checkout, where it is not known.
func (v *person) named() {
	v.t.Helper()
	name := v.Locator("#name")
	if known, err := name.InputValue(); err != nil || known == "" {
		v.must(err)
		v.must(name.Fill("Adaeze Obi"))
	}
}

// goesToPay leaves checkout for the provider.
func (v *person) goesToPay(button string) {
	v.t.Helper()
	v.named()
	v.click("button", button)
}

// sees waits for a heading.
func (v *person) sees(heading string) {
	v.t.Helper()
	v.waits(v.role("heading", heading))
}

// turns waits until the page says that it is the fan's turn; other pages have a heading about when it will be.
func (v *person) turns() {
	v.t.Helper()
	v.waits(v.GetByRole("heading", playwright.PageGetByRoleOptions{Name: "Your turn", Exact: playwright.Bool(true)}))
}

// reads waits for words.
func (v *person) reads(words string) {
	v.t.Helper()
	v.waits(v.GetByText(words).First())
}

func (v *person) waits(l playwright.Locator) {
	v.t.Helper()
	if err := l.WaitFor(playwright.LocatorWaitForOptions{State: playwright.WaitForSelectorStateVisible}); err != nil {
		text, _ := v.Locator("main").InnerText()
		v.t.Fatalf("at %s: %v\nthe page says:\n%s", v.URL(), err, text)
	}
}

// signIn signs in with the code from the mailbox, starting from the sign-in page that is shown.
func (v *person) signIn(email string) {
	v.t.Helper()
	before := v.p.mails(email)
	v.fill("Your e-mail", email)
	v.click("button", "Send me a code")
	v.sees("Type the 6 digits")
	v.p.until("the code is in the mailbox", func() bool { return v.p.mails(email) > before })
	v.fill("Code", v.p.code(email))
	v.click("button", "Sign in")
}

// mails is how many messages an address has got.
func (p *product) mails(email string) int {
	p.t.Helper()
	return p.count(`SELECT count(*) FROM mailbox WHERE recipient = $1`, email)
}

// number is the fan's number on the waiting page.
func (v *person) number() string {
	v.t.Helper()
	v.waits(v.Locator(".num"))
	text, err := v.Locator(".num").First().InnerText()
	v.must(err)
	return strings.TrimSpace(text)
}

// payWith pays on the sandbox's page.
func (v *person) payWith(card, cvv string) {
	v.t.Helper()
	v.reads("no real money")
	v.fill("Card number", card)
	v.fill("Expiry date", "12/30")
	v.fill("CVV", cvv)
	v.click("button", "Pay ₦")
}
