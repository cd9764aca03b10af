package documents_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/needtest"
)

// stands are the programs that stand for those of other machines, and make failures of
// curl show.
var stands = map[string]string{
	"sudo": `while [ "${1#-}" != "$1" ]; do shift 2; done; exec "$@"`,
	"ssh":  `shift; mkdir -p ~/desk; cd ~/desk; exec "$@"`,
	"curl": `PATH=${PATH#*:} exec curl --fail-with-body --show-error "$@"`,
}

// prepare makes the repository that the documents talk of. A place of the documents'
// own ids gets the real ones.
const prepare = `
mkdir -p /home/ann/photos
echo first >/home/ann/budget.ods
head -c 100000 /dev/urandom >/home/ann/photos/one.jpg
echo 'the repository password' >~/.restic-password
chmod 600 ~/.restic-password
export RESTIC_REPOSITORY=/srv/restic/laptop RESTIC_PASSWORD_FILE=~/.restic-password
restic -q init
restic -q backup /home/ann
FIRST=$(restic snapshots --json latest | jq -r '.[0].short_id')
echo second >>/home/ann/budget.ods
restic -q backup /home/ann
BLOB=$(restic ls --json latest | jq -r 'select(.name == "budget.ods") | .content[0] // empty')
[ -n "$BLOB" ] || BLOB=$(restic list blobs | awk '$1 == "data" { print $2; exit }')
unset RESTIC_REPOSITORY RESTIC_PASSWORD_FILE
mkdir -p /srv/restores
`

// attic is the SSH server of docs/storages.md: a mount namespace of its own on this
// machine, in which the user ann has another repository.
const attic = `
mkdir -p ~/.ssh /run/sshd
ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
unshare --mount bash -euo pipefail <<'ATTIC'
mount -t tmpfs tmpfs /srv
export RESTIC_REPOSITORY=/srv/restic/laptop RESTIC_PASSWORD_FILE=~/.restic-password
restic -q init
restic -q backup /home/ann
chown -R 1500:1500 /srv/restic
(cat /etc/passwd; echo 'ann:*:1500:1500::/srv:/bin/sh') >/srv/passwd
mount --bind /srv/passwd /etc/passwd
install -m 644 ~/.ssh/id_ed25519.pub /srv/allowed
ssh-keygen -q -t ed25519 -N '' -f /srv/host
cp /srv/host.pub ~/attic.pub
/usr/sbin/sshd -f /dev/null -h /srv/host -o PidFile=none -o StrictModes=no -o AuthorizedKeysFile=/srv/allowed \
  -o 'Subsystem=sftp /usr/lib/openssh/sftp-server'
ATTIC
`

// attached looks at the repository that the commands of docs/storages.md have attached.
const attached = `
[ "$HOSTKEY" = "$(cut -d' ' -f1,2 ~/attic.pub)" ]
ATTIC=$(api $U/v6/BackupRepositories | jq -r '.[] | select(.name == "attic").id')
SESSION=$(api -X POST $U/v6/BackupRepositories/$ATTIC/Sync | jq -r .id)
api -N $U/v6/RepositorySynchronizeSessions/$SESSION/Events >/dev/null
api "$U/v6/RestorePoints?repositoryId=$ATTIC" | jq -e 'length == 1' >/dev/null
`

// awaited waits for the server that the line before has started.
const awaited = `
until command curl -sk -o /dev/null https://localhost:4443/healthz; do kill -0 $! ; sleep 0.1; done
`

// TestReadmeAsWritten runs each command of the README in its order, and those of the
// first pages that a new administrator reads. They run as they are written, with real
// restic; what is put in their place is listed here.
func TestReadmeAsWritten(t *testing.T) {
	needtest.Full(t, "restic, curl, jq and sshd")
	needtest.Root(t, "make a place of its own")
	for _, folder := range []string{"/backup", "/var/lib/syncline"} { // mounted over for the test
		if _, err := os.Lstat(folder); os.IsNotExist(err) {
			t.Cleanup(func() { os.Remove(folder) })
		}
	}
	var s strings.Builder
	s.WriteString("cd ../..\n" + prepare)
	put := strings.NewReplacer(
		// The two commands at the top are the demonstration, which has tests of its own,
		// and this test.
		"make demo ", "#", "make test ", "#",
		"syncline serve --data ~/syncline-data", "syncline serve --restore-root /srv/restores --data ~/syncline-data >~/log 2>&1 &"+awaited,
		"--blob 420f620f", `--blob "$BLOB"`, "diff 4bba301e latest", `diff "$FIRST" latest`,
		"> budget.ods", "> ~/budget.ods", "-o budget.ods", "-o ~/budget.ods", "-o photos.tar.zst", "-o ~/photos.tar.zst",
		"--target /tmp/back", "--target ~/back", "--target ./ann", "--target ~/ann",
		"syncline login https://backup.example:4443",
		"export SYNCLINE_USER=administrator SYNCLINE_PASSWORD='a good long password'\n"+
			`syncline login --fingerprint "$(sed -n 's/.*fingerprint //p' ~/log)" https://backup.example:4443`,
	)
	for _, block := range blocks(t, "README.md") {
		s.WriteString(put.Replace(block))
		if strings.Contains(block, "SESSION=$(api -X POST") { // the reader has a look before going on
			s.WriteString("api -N $U/v6/RepositorySynchronizeSessions/$SESSION/Events >/dev/null\n")
		}
		if strings.Contains(block, "export RESTIC_REPOSITORY") {
			s.WriteString("cmp ~/budget.ods /home/ann/budget.ods\n(cd ~/desk && find . -type f)\ncmp ~/desk/home/ann/photos/one.jpg /home/ann/photos/one.jpg\n" +
				"cmp ~/back/home/ann/budget.ods /home/ann/budget.ods\nunset RESTIC_REPOSITORY RESTIC_PASSWORD_FILE\n")
		}
	}
	s.WriteString("find /srv/restores -type f\ncmp /srv/restores/ann/home/ann/budget.ods /home/ann/budget.ods\n")
	// The pages about the alarms, the machines and the clients talk to the server that runs.
	for _, page := range []string{"docs/machines.md", "docs/alarms.md", "docs/api-clients.md"} {
		for _, block := range blocks(t, page) {
			for line := range strings.Lines(block) {
				if strings.Contains(line, "5d0f0c55") || strings.Contains(line, "openssl") {
					continue // an alarm that is not there; the signature has a test of its own
				}
				s.WriteString(line)
			}
		}
	}
	// So does the page about storages, whose first request is to be refused with the host's key.
	for _, block := range blocks(t, "docs/storages.md") {
		s.WriteString(attic + strings.Replace(block, ".confirm.hostKey)", ".confirm.hostKey) && exit 1 || [ $? = 22 ]", 1) + attached)
	}
	// The copy of the state, and the way back.
	s.WriteString("kill $(pgrep -f 'syncline serve.*syncline-data')\nwait\nunset SYNCLINE_SERVER\nrm -rf /var/lib/syncline/*\ncp -a ~/syncline-data/. /var/lib/syncline/\nchmod 700 /var/lib/syncline\n")
	backup := blocks(t, "docs/backup-of-syncline.md")
	s.WriteString(backup[0])
	s.WriteString("rm -rf /var/lib/syncline/*\ncp ~/syncline-data/secret.key ~/secret.key\n")
	s.WriteString(strings.Replace(backup[2], "syncline serve --data /var/lib/syncline", "install -m 600 ~/secret.key /var/lib/syncline/secret.key\nsyncline serve --data /var/lib/syncline >~/log 2>&1 &"+awaited, 1))
	s.WriteString("api $U/v6/BackupRepositories | jq -e 'length == 2' >/dev/null\nkill $!\nwait $! \necho all is well\n")
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	write(t, script, s.String(), 0o600)
	for name, body := range stands {
		write(t, filepath.Join(dir, "programs", name), "#!/bin/bash\n"+body+"\n", 0o755)
	}
	out, err := exec.CommandContext(t.Context(), "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
		"testdata/walk.sh", script, filepath.Join(dir, "programs")).CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "all is well\n") {
		t.Errorf("%v\n%s\n--- the script\n%s", err, out, numbered(s.String()))
	}
}

func numbered(text string) string {
	var b strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		n++
		fmt.Fprintf(&b, "%3d %s", n, line)
	}
	return b.String()
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // other users may run what is in it
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// blocks returns the shell commands of a page.
func blocks(t *testing.T, page string) (all []string) {
	t.Helper()
	var block strings.Builder
	inside := false
	for line := range strings.Lines(read(t, filepath.Join(root, page))) {
		switch trimmed := strings.TrimSpace(line); {
		case !inside && trimmed == "```sh":
			inside = true
			block.Reset()
		case inside && trimmed == "```":
			inside = false
			all = append(all, block.String())
		case inside:
			block.WriteString(line)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no commands", page)
	}
	return all
}
