package console_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// addressed is a kind of storage whose places are addresses, with a repository in it.
type addressed struct {
	title   string // on the page
	address string
	fields  [][2]string // of the account: a label, and the text
	wrong   [2]string   // one of them with a mistake
	refusal string      // what the page says of that
	env     []string    // of the server, with its flags
	flags   []string
	secret  string // never comes back to the page
}

func inSwift(t *testing.T, files map[string][]byte) addressed {
	t.Helper()
	server := servers.StartSwift(t)
	server.Put(t, "container", "some folder/repo", files)
	return addressed{
		title: "OpenStack Swift", address: "swift:container:/some folder/repo",
		fields: [][2]string{{"User name", server.User}, {"Identity service", server.AuthURL}, {"Password", server.Key}},
		wrong:  [2]string{"Password", "guessed"}, refusal: "does not accept these credentials",
	}
}

func inB2(t *testing.T, files map[string][]byte) addressed {
	t.Helper()
	server := servers.StartB2(t)
	server.Put("the-bucket", "some folder/repo", files)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, server.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	return addressed{
		title: "Backblaze B2", address: "b2:the-bucket:some folder/repo",
		fields: [][2]string{{"Key ID", server.ID}, {"Application key", server.Key}},
		wrong:  [2]string{"Application key", "guessed"}, refusal: "does not accept the application key",
		env: []string{"HTTPS_PROXY=" + server.Proxy}, flags: []string{"--cacert", ca}, secret: server.Key,
	}
}

func inRclone(t *testing.T, files map[string][]byte) addressed {
	t.Helper()
	servers.Rclone(t)
	far := servers.StartS3(t)
	far.Put(t, "bucket", "some folder/repo", files)
	return addressed{
		title: "Rclone", address: "rclone:far:bucket/some folder/repo",
		fields: [][2]string{{"Remote", "far"}},
		wrong:  [2]string{"Remote", "other"}, refusal: "Remote names a remote that this server may not use",
		env:   []string{"RCLONE_CONFIG=" + servers.RcloneConfig(t, map[string][]string{"far": far.RcloneRemote(), "other": {"type = local"}})},
		flags: []string{"--allow-rclone-remote", "far"}, secret: far.SecretKey,
	}
}

// Every kind that has an address is added by the steps that the server tells, with a mistake
// in its account, and is synchronized and shown.
func TestAttachEveryAddress(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(*testing.T, map[string][]byte) addressed{"swift": inSwift, "b2": inB2, "rclone": inRclone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind := begin(t, servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
			s := startServerWith(t, kind.env, kind.flags...)
			s.header.Set("Syncline-Extensions", "1")
			p := newPage(t, s.url)
			p.expect("401", "400")
			p.signIn("administrator", adminPassword)
			p.waitText("No repositories yet")
			p.open("/attach")
			p.click("label", kind.title)
			p.check("attach-"+name, "The address is restic’s own")
			p.fill("Address", kind.address)
			p.press(kb.Enter)
			p.waitText("Which account may read it?")
			for _, f := range kind.fields {
				p.fill(f[0], f[1])
			}
			p.fill(kind.wrong[0], kind.wrong[1])
			p.click("button", "Next")
			p.wait("document.querySelector('[role=alert]')?.textContent.includes(" + quote(kind.refusal) + ")")
			p.check("attach-"+name+"-refused", kind.refusal)
			if left := s.accounts(); len(left) != 0 {
				t.Errorf("accounts that were refused have stayed: %q", left)
			}
			for _, f := range kind.fields {
				p.fill(f[0], f[1])
			}
			p.click("button", "Next")
			p.waitText("Which password opens it?")
			p.press(resticfixture.Password, kb.Enter)
			p.waitText("What should it be called?")
			p.press("Far", kb.Enter)
			p.waitText("5 restore points of 2 hosts")
			p.waitText("In sync")
			p.waitText(kind.address)
			p.check("attached-"+name, "Far")

			p.open("/settings/accounts")
			p.click("button", "Edit "+kind.title)
			p.check("account-"+name, "Connections at once")
			if kind.secret != "" && strings.Contains(eval[string](p, "document.documentElement.outerHTML"), kind.secret) {
				t.Error("the page has the secret")
			}
		})
	}
}
