package console_test

import (
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// download clicks on a link or button and returns the name and the bytes that
// the browser saves.
func (p *page) download(selector, label string) (name, data string) {
	p.t.Helper()
	return p.saved(func() { p.click(selector, label) })
}

// saved does what begins a download and returns what the browser saves.
func (p *page) saved(begin func()) (name, data string) {
	p.t.Helper()
	dir, on := p.t.TempDir(), true
	begun, progress := chromedp.Events(p.ctx, browser.DownloadWillBegin), chromedp.Events(p.ctx, browser.DownloadProgress)
	_, err := chromedp.Call(p.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: dir, EventsEnabled: &on,
		BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	begin()
	for e, err := range begun {
		if err != nil {
			p.t.Fatal(err)
		}
		name = e.SuggestedFilename
		break
	}
	for e, err := range progress {
		if err != nil || e.State == browser.DownloadProgressStateCanceled {
			p.t.Fatalf("the download of %s ended: %v", name, err)
		}
		if e.State != browser.DownloadProgressStateCompleted {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.GUID))
		if err != nil {
			p.t.Fatal(err)
		}
		return name, string(raw)
	}
	return name, ""
}
