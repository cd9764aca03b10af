package console_test

import (
	"crypto/rand"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// A restorer restores a selection into a folder of the server and sees the
// failures. Users of other roles are offered no restore.
func TestRestoreOnTheServer(t *testing.T) {
	t.Parallel()
	repo, dir := office(t)
	const odd = "odd \xff name"
	write(t, filepath.Join(dir, odd, "in \xfe it.txt"), "kept as it is")
	resticfixture.Backup(t, repo, dir, "--host", "../<b>\u202e")
	root, second := t.TempDir(), t.TempDir()
	s := startServer(t, "--restore-root", root, "--restore-root", second)
	s.addUser("rita", "restorer")
	s.addUser("vera", "viewer")
	s.addUser("otto", "operator")
	id := s.attach("<b>Office</b>", repo, "")
	s.synchronize(id)
	point := s.points(id)[0]
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("rita", adminPassword)
	p.waitText("<b>Office</b>")
	p.click("nav a", "Restores")
	p.waitText("Nothing has been restored on the server yet")
	p.check("restores-none", "choose files or a folder")
	p.open(files(point, dir))
	p.click("[role=grid] [aria-label]", "Select Letters")
	p.click("[role=grid] [aria-label]", "Select odd \uFFFD name")
	p.click("button", "Restore selected…")
	p.wait("document.activeElement?.labels?.[0]?.textContent === 'Folder below it'")
	if value := eval[string](p, "document.activeElement.value"); !strings.HasPrefix(value, "b-20") {
		t.Errorf("the suggested folder is %q", value)
	}
	p.fill("Folder below it", "../up")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog [role=alert]') !== null")
	p.fill("Folder below it", "monday")
	p.check("restore-dialog", "Everything keeps its whole path, beginning at "+root+"/monday")
	p.press(kb.Enter)
	p.wait("location.pathname.startsWith('/restores/')")
	p.waitText("Nothing failed")
	want := under(t, "/", filepath.Join(dir, "Letters"))
	maps.Copy(want, under(t, "/", filepath.Join(dir, odd)))
	same(t, "the target", under(t, filepath.Join(root, "monday"), filepath.Join(root, "monday")), want)
	p.check("restore", "Files that were there")

	// One entry cannot be restored, and one is to stay.
	at := filepath.Join(second, dir)
	write(t, filepath.Join(at, "zebra.txt", "in the way"), "x")
	write(t, filepath.Join(at, "budget.ods"), "mine")
	p.open(files(point, dir))
	p.waitActive("Letters")
	p.click("button", "Restore folder…")
	p.choose("Into", second)
	p.choose("Files that are there already", "Never")
	p.fill("Folder below it", " ")
	p.press(kb.Backspace)
	p.click("dialog label", "Read the files back")
	p.press(kb.Enter)
	p.waitText("Left as they were")
	if raw, err := os.ReadFile(filepath.Join(at, "budget.ods")); err != nil || string(raw) != "mine" {
		t.Errorf("the file that was to stay is %q, %v", raw, err)
	}
	p.open(files(point, dir))
	p.waitActive("Letters")
	p.click("button", "Restore folder…")
	p.choose("Into", second)
	p.fill("Folder below it", " ")
	p.press(kb.Backspace, kb.Enter)
	p.waitText("What was not restored as it was")
	p.wait("document.querySelector('.log').innerText.includes('zebra.txt')")
	p.check("restore-failed", "1 failed")
	if raw, err := os.ReadFile(filepath.Join(at, "budget.ods")); err != nil || string(raw) != "second, and longer" {
		t.Errorf("the file that was to be replaced is %q, %v", raw, err)
	}
	p.wait("document.querySelectorAll('.restores li').length === 3")
	p.click(".facts a", dir)
	p.wait("location.pathname === " + quote("/points/"+point+"/files"))
	p.waitActive(filepath.Base(dir))

	follower := newPage(t, s.url)
	follower.expect("401")
	follower.signIn("otto", adminPassword)
	follower.waitText("<b>Office</b>")
	follower.click("nav a", "Restores")
	follower.wait("document.querySelectorAll('.restores li').length === 3")
	follower.waitText("by rita")
	follower.click(".restores a", "1 failed")
	follower.waitText("What was not restored as it was")

	other := newPage(t, s.url)
	other.expect("401")
	other.signIn("vera", adminPassword)
	other.waitText("<b>Office</b>")
	other.open(files(point, dir))
	other.waitActive("Letters")
	if eval[bool](other, find("button", "Restore")+" !== null || "+find("nav a", "Restores")+" !== null") {
		t.Error("a viewer is offered restores")
	}
	other.open("/restores")
	other.waitText("Your role does not restore")
}

// A restore from a slow storage shows its progress, and is stopped.
func TestRestoreIsStopped(t *testing.T) {
	t.Parallel()
	repo, dir := resticfixture.Init(t, 2), filepath.Join(t.TempDir(), "films")
	film := make([]byte, 40<<20)
	_, _ = rand.Read(film) // never fails
	write(t, filepath.Join(dir, "long.mkv"), string(film))
	resticfixture.Backup(t, repo, dir, "--pack-size", "4")
	store := servers.StartS3(t)
	store.Put(t, "bucket", "repo", servers.ReadFolder(t, repo))
	s := startServer(t, "--restore-root", t.TempDir())
	var account, storage, key, attached struct{ ID string }
	s.call("POST", "/v6/Accounts", map[string]any{
		"accountType": "amazonS3CompatibleAccount", "userName": store.AccessKey, "password": store.SecretKey, "maxConnections": 1, "limitDownloadKBs": 1000,
	}, &account)
	s.call("POST", "/v6/objectstoragerepositories", map[string]any{
		"name": "slow", "type": "AmazonS3Compatible", "accountId": account.ID, "s3Folder": "repo",
		"amazonBucketS3Compatible": map[string]any{"servicePoint": store.URL, "customRegionId": store.Region, "name": "bucket"},
	}, &storage)
	s.call("POST", "/v6/EncryptionKeys", map[string]any{"password": resticfixture.Password, "description": "films"}, &key)
	s.call("POST", "/v6/BackupRepositories", map[string]any{
		"name": "Films", "objectStorageId": storage.ID, "encryptionKeyId": key.ID, "retentionType": "SnapshotBased",
	}, &attached)
	s.synchronize(attached.ID)

	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Films")
	p.open(files(s.points(attached.ID)[0], dir))
	p.waitActive("long.mkv")
	p.click(".details button", "Restore…")
	p.click("dialog button", "Restore")
	p.wait("Number(document.querySelector('.session [role=progressbar]')?.ariaValueNow) > 0")
	p.wait("/^[1-9]\\d? %$/.test(document.querySelector('.restores .badge').textContent)")
	p.check("restore-running", "Written")
	p.click("button", "Stop")
	p.wait("document.querySelector('.restores .badge').textContent === 'Stopped'")
	p.wait("document.querySelector('.session [role=progressbar]') === null")
}

// Where the operator allows no restore, none is offered, and the page says how
// to allow it.
func TestNoRestores(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	id := s.attach("Plain", resticfixture.Unpack(t, "v2-old"), "")
	s.synchronize(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Plain")
	p.open(files(s.points(id)[0], "/"))
	p.wait(find("button", "Download folder") + " !== null")
	if eval[bool](p, find("button", "Restore")+" !== null") {
		t.Error("a restore is offered")
	}
	p.click("nav a", "Restores")
	p.waitText("syncline serve --restore-root")
}
