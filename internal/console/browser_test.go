package console_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"syncline.dev/syncline/internal/programtest"
)

// pictures is a directory for pictures of every view: go test
// ./internal/console -run TestEveryView -pictures DIR
var pictures = flag.String("pictures", "", "directory for pictures of every view")

var (
	program  string          // the built binary
	chromium context.Context //nolint:containedctx // one browser serves all tests
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		return m.Run() // startServer skips
	}
	dir, err := os.MkdirTemp("", "syncline-console-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "syncline")
	if err := programtest.Build(context.Background(), programtest.Syncline, program); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.IgnoreCertErrors, chromedp.DisableGPU, chromedp.Flag("accept-lang", "en-GB"), chromedp.Env("TZ=Europe/Berlin"))...)
	defer cancel()
	browser, cancel := chromedp.NewContext(allocator)
	defer cancel()
	if err := chromedp.Do(browser); err != nil {
		fmt.Fprintf(os.Stderr, "these tests need Chromium (apt-get install chromium): %v\n", err)
		return 1
	}
	chromium = browser
	return m.Run()
}

// page is a tab with cookies of its own.
type page struct {
	t   testing.TB
	ctx context.Context //nolint:containedctx // the tab itself
	url string

	mu       sync.Mutex
	expected []string // allowed complaints of the browser
	messages []string
}

// newPage opens a tab. Each complaint of the browser fails the test, unless the
// test expects it.
func newPage(t testing.TB, url string) *page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	ctx, stop := context.WithTimeout(ctx, 6*time.Minute)
	p := &page{t: t, ctx: ctx, url: url}
	messages := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.messages = append(p.messages, m.String())
			p.mu.Unlock()
		}
	}()
	p.do(chromedp.EmulateViewport(1280, 800))
	t.Cleanup(func() {
		stop()
		cancel()
		<-done
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, m := range p.messages {
			if !containsAny(m, p.expected) {
				t.Errorf("the browser says: %s", m)
			}
		}
	})
	return p
}

func containsAny(s string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

// expect allows complaints of the browser from here on.
func (p *page) expect(parts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = append(p.expected, parts...)
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatalf("%v\n%s", err, p.picture("failure"))
	}
}

// picture saves a picture of the page and returns its path.
func (p *page) picture(name string) string {
	if *pictures == "" {
		return ""
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return err.Error()
	}
	file := filepath.Join(*pictures, name+".png")
	if err := os.WriteFile(file, png, 0o600); err != nil {
		return err.Error()
	}
	return file
}

// eval evaluates an expression, waiting for a promise.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// wait waits until an expression is true.
func (p *page) wait(expression string) {
	p.t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Poll[chromedp.Void](expression,
		chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(time.Minute)))
	if err != nil {
		text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("location.href.slice(0, 1000) + '\\n' + document.body.innerText.slice(0, 3000)"))
		p.t.Fatalf("waiting for %s: %v\n%s\n%s", expression, err, text, p.picture("failure"))
	}
}

// waitText waits until the page shows a text.
func (p *page) waitText(text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("document.body.innerText.includes(%s)", quote(text)))
}

func (p *page) text() string {
	p.t.Helper()
	return eval[string](p, "document.body.innerText")
}

// find is JavaScript for the first visible element with a selector and this
// text or label, or else one that contains the text.
func find(selector, text string) string {
	return fmt.Sprintf(`(() => {
		const seen = [...document.querySelectorAll(%s)].filter((e) => e.checkVisibility());
		const label = (e) => (e.getAttribute('aria-label') ?? e.textContent).trim();
		return seen.find((e) => label(e) === %[2]s) ?? seen.find((e) => label(e).includes(%[2]s)) ?? null;
	})()`, quote(selector), quote(text))
}

// aim is JavaScript that scrolls an element into view, returns its middle, and
// swallows presses elsewhere until aimed.end reports whether the element was
// pressed.
const aim = `(async (e) => {
	e.scrollIntoView({ block: 'nearest', behavior: 'instant' });
	await new Promise((done) => requestAnimationFrame(done));
	const events = ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click'];
	let missed = false;
	const look = (event) => {
		if (event.type === 'pointerdown') missed = !e.contains(event.target);
		if (!missed) return;
		event.stopImmediatePropagation();
		event.preventDefault();
	};
	events.forEach((name) => addEventListener(name, look, { capture: true }));
	window.aimed = { end() {
		events.forEach((name) => removeEventListener(name, look, { capture: true }));
		return missed;
	} };
	const r = e.getBoundingClientRect();
	return [r.x + r.width / 2, r.y + r.height / 2];
})`

// click clicks with the mouse when the element is there, and again if the
// element had moved away.
func (p *page) click(selector, text string) {
	p.t.Helper()
	for range 100 {
		p.wait(find(selector, text) + " !== null")
		at := eval[[]float64](p, aim+"("+find(selector, text)+")")
		p.do(chromedp.MouseClickXY(at[0], at[1]))
		if !eval[bool](p, "window.aimed?.end() ?? false") { // gone with the page after a click on a link
			return
		}
	}
	p.t.Fatalf("%s %q never holds still", selector, text)
}

// fill types into the field with a label and replaces its text.
func (p *page) fill(label, text string) {
	p.t.Helper()
	field := fmt.Sprintf(`[...document.querySelectorAll('input, select, textarea')].find((e) => (e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? '').trim().startsWith(%s))`, quote(label))
	p.wait(field + " !== undefined")
	eval[chromedp.Void](p, fmt.Sprintf("(() => { const f = %s; f.focus(); f.select?.(); })()", field))
	p.do(chromedp.KeyEvent(text))
}

// press presses keys at the focus.
func (p *page) press(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		p.do(chromedp.KeyEvent(key))
	}
}

func (p *page) open(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.url + path))
}

// signIn signs a user in on the page itself.
func (p *page) signIn(user, password string) {
	p.t.Helper()
	p.open("/")
	p.fill("User", user)
	p.fill("Password", password)
	p.click("button", "Sign in")
}

// look sets the theme and the width.
func (p *page) look(theme string, width int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, 800))
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// axe returns the findings of axe-core on the page.
func (p *page) axe() []string {
	p.t.Helper()
	source, err := os.ReadFile("web/node_modules/axe-core/axe.min.js")
	if err != nil {
		p.t.Fatalf("these tests need the console's development packages (make console): %v", err)
	}
	if !eval[bool](p, "typeof axe === 'object'") {
		eval[chromedp.Void](p, string(source)+";undefined")
	}
	return eval[[]string](p, `axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.flatMap((v) =>
		v.nodes.slice(0, 3).map((n) => v.id + ': ' + v.help + ': ' + n.html.slice(0, 200) + ' ' + (n.any[0]?.message ?? ''))))`)
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// deleteCookies removes cookies, as if they had expired.
func (p *page) deleteCookies(names ...string) {
	p.t.Helper()
	for _, name := range names {
		if _, err := chromedp.Call(p.ctx, network.DeleteCookies, network.DeleteCookiesParams{Name: name, URL: p.url + "/"}); err != nil {
			p.t.Fatal(err)
		}
	}
}
