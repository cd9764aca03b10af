package console_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"syncline.dev/syncline/internal/resticfixture"
)

// focusAtOnce makes the field with a label take the focus in the moment in which it appears,
// as a quick hand does. window.kept tells whether the field has it still when the page has
// been drawn.
func (p *page) focusAtOnce(label string) {
	p.t.Helper()
	eval[chromedp.Void](p, fmt.Sprintf(`window.kept = new Promise((done) => {
		new MutationObserver((_, seen) => {
			const field = [...document.querySelectorAll('form input, form textarea')].find((e) => e.labels[0]?.textContent.trim().startsWith(%s));
			if (!field) return;
			seen.disconnect();
			field.focus();
			requestAnimationFrame(() => setTimeout(() => done(document.activeElement === field)));
		}).observe(document.body, { childList: true, subtree: true });
	}), undefined`, quote(label)))
}

// A form that takes the focus to its first field does so before anybody can type, and leaves
// the focus alone from then on.
func TestFormsLeaveTheFocus(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--restore-root", t.TempDir())
	id := s.attach("main", resticfixture.Unpack(t, "v2-old"), "")
	s.synchronize(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("alpha")
	for _, form := range []struct{ path, button, field string }{
		{"/repositories/" + id, "Edit", "Folder on the server"},
		{"/settings/users", "Add a user", "Password"},
		{"/settings/accounts", "Add an account", "Description"},
		{files(s.points(id)[0], "/"), "Restore folder…", "Read the files back"},
	} {
		p.open(form.path)
		p.wait(find("main button", form.button) + " !== null")
		p.focusAtOnce(form.field)
		p.click("main button", form.button)
		if !eval[bool](p, "window.kept") {
			t.Errorf("%s, %s: the field %q has lost the focus", form.path, form.button, form.field)
		}
	}
}
