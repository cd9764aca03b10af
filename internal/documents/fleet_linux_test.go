package documents_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/programtest"
)

// TestFleetAsWritten runs the commands of docs/fleet.md on five machines, which share this
// one's kernel: the commands for a machine begin with its name. PostgreSQL, pgbouncer,
// HAProxy and nginx are Debian's, with the files of the page. Between the commands it does
// what the page says in words, and looks at what has become of it.
func TestFleetAsWritten(t *testing.T) {
	needtest.Full(t, "PostgreSQL, pgbouncer, HAProxy, nginx and restic")
	needtest.Root(t, "make machines")
	dir := t.TempDir()
	program := filepath.Join(dir, "syncline")
	if err := programtest.Build(t.Context(), programtest.Syncline, program); err != nil {
		t.Fatal(err)
	}
	var page []string
	for _, block := range blocks(t, "docs/fleet.md") {
		if strings.HasPrefix(block, "# on ") {
			page = append(page, block)
		}
	}
	if len(page) != 10 {
		t.Fatalf("the page has %d blocks of commands for a machine", len(page))
	}
	signIn := "export SYNCLINE_USER=administrator SYNCLINE_PASSWORD=$(ssh root@node1.example cat /var/lib/syncline/initial-password)\n"
	steps := []string{
		page[0], page[1], page[2], certificate, trust, page[3],
		file(t, "haproxy", "/etc/haproxy/haproxy.cfg") + startHAProxy,
		strings.Replace(page[4], "\n", "\n"+signIn, 1) + look,
		attach, anyNode, page[5],
		file(t, "nginx", "/etc/nginx/conf.d/syncline.conf") + startNginx, lost,
		page[6], refused, ini(t, "[databases]", "/etc/pgbouncer/pgbouncer.ini") + startPooler, pooled(t),
		stop("node1"), stop("node2"), page[7], start("node1"), start("node2"), restored,
		standby, severalHosts("node1"), severalHosts("node2"), promote, failedOver,
		stop("node2"), stop("node1"), page[9], alone, page[8], carried,
	}
	for i, step := range steps {
		write(t, filepath.Join(dir, "steps", strconv.Itoa(i+1)), step, 0o644)
	}
	source, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
		"testdata/fleet.sh", filepath.Join(dir, "steps"), program, source).CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "all is well\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// file returns the command that writes the page's block of a language into a file of the
// machine backup.
func file(t *testing.T, language, path string) string {
	return "# on backup\n" + heredoc(t, "(?s)```"+language+"\n(.*?)```", path)
}

// ini does this on db, for a block of an INI file that has a text in it.
func ini(t *testing.T, text, path string) string {
	return "# on db\n" + heredoc(t, "(?s)```ini\n([^`]*?"+regexp.QuoteMeta(text)+".*?)```", path)
}

func heredoc(t *testing.T, pattern, path string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(read(t, filepath.Join(root, "docs/fleet.md")))
	if m == nil {
		t.Fatalf("docs/fleet.md has no block like %s", pattern)
	}
	return "mkdir -p " + filepath.Dir(path) + "\ncat >" + path + " <<'FILE'\n" + m[1] + "FILE\n"
}

func stop(machine string) string  { return "# on " + machine + "\nsudo systemctl stop syncline\n" }
func start(machine string) string { return "# on " + machine + "\nsudo systemctl start syncline\n" }

// api signs in at a node and speaks to it.
const api = `
password=$(ssh root@node1.example cat /var/lib/syncline/initial-password)
sign_in() { curl -sk --fail-with-body https://$1/v6/token -d grant_type=password -d username=administrator --data-urlencode "password=$password" | jq -r .access_token; }
api() { curl -sk --fail-with-body -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }
`

const certificate = `# on backup
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=backup.example \
  -addext subjectAltName=DNS:backup.example -keyout /etc/ssl/backup.example.key -out /etc/ssl/backup.example.pem 2>/dev/null
cat /etc/ssl/backup.example.pem >/mnt/trust
cat /etc/ssl/backup.example.key >>/etc/ssl/backup.example.pem
`

const trust = `# on node2
cat /mnt/trust >>/etc/ssl/certs/ca-certificates.crt
`

const startHAProxy = `
haproxy -c -f /etc/haproxy/haproxy.cfg
haproxy -f /etc/haproxy/haproxy.cfg >/mnt/log-haproxy 2>&1 &
echo $! >/run/haproxy.pid
until [ "$(curl -sk https://backup.example/readyz)" = ready ]; do kill -0 $!; sleep 0.1; done
`

const look = `
until syncline nodes --server https://backup.example --json | jq -e '[.[] | select(.status == "Online")] | length == 2'; do sleep 0.5; done
`

// A repository in a folder of node1, and a token of one node at the other one.
const attach = `# on node1
mkdir -p /srv/files
echo one >/srv/files/one
echo password >/srv/password
export RESTIC_PASSWORD_FILE=/srv/password
restic -q -r /srv/restic init
restic -q -r /srv/restic backup /srv/files
chown -R syncline: /srv/restic` + api + `
token=$(sign_in localhost:4443)
key=$(api https://localhost:4443/v6/EncryptionKeys -d '{"password":"password","description":"repo"}' | jq -r .id)
repo=$(api https://localhost:4443/v6/BackupRepositories -d '{"name":"repo","path":"/srv/restic","encryptionKeyId":"'$key'","retentionType":"SnapshotBased"}' | jq -r .id)
session=$(api -X POST https://node2.example:4443/v6/BackupRepositories/$repo/Sync | jq -r .id)
api -N https://node2.example:4443/v6/RepositorySynchronizeSessions/$session/Events >/dev/null
api https://node2.example:4443/v6/RepositorySynchronizeSessions/$session | grep '"result":"Success"'
`

const anyNode = `# on backup` + api + `
token=$(sign_in backup.example)
for n in 1 2 3 4 5 6; do
  api https://backup.example/v6/RestorePoints | jq -e 'length == 1' >/dev/null
done
! grep -w DOWN /mnt/log-haproxy
`

const startNginx = `
kill "$(cat /run/haproxy.pid)"
while kill -0 "$(cat /run/haproxy.pid)" 2>/dev/null; do sleep 0.1; done
rm -f /etc/nginx/sites-enabled/*
mkdir -p /var/log/nginx
nginx -t
nginx
for n in 1 2 3 4; do
  [ "$(curl -sk https://backup.example/readyz)" = ready ]
done
! grep -F '[error]' /var/log/nginx/error.log
`

// A node is killed, and the load balancer passes it by.
const lost = `# on backup
ssh root@node2.example sh -c 'kill -9 $(cat /run/syncline.pid)'` + api + `
token=$(sign_in backup.example)
for n in 1 2 3 4 5 6; do
  api https://backup.example/v6/RestorePoints | jq -e 'length == 1' >/dev/null
done
ssh root@node2.example systemctl start syncline
`

// backup-state is refused, and says what to do.
const refused = `# on node1
! sudo -u syncline env SYNCLINE_DATABASE_FILE=/etc/syncline/database.url syncline backup-state /tmp/state 2>/tmp/said
grep pg_dump /tmp/said
`

const startPooler = `
sudo -u postgres psql -AtqXc "SELECT format('\"%s\" \"%s\"', rolname, rolpassword) FROM pg_authid WHERE rolname = 'syncline'" >/etc/pgbouncer/userlist.txt
chown -R postgres: /etc/pgbouncer
sudo -u postgres pgbouncer -q /etc/pgbouncer/pgbouncer.ini >/mnt/log-pgbouncer 2>&1 &
until command curl -s telnet://db.example:6432 -m 1 >/dev/null || [ $? = 28 ]; do kill -0 $!; sleep 0.1; done
`

// pooled has node2 use the pooler.
func pooled(t *testing.T) string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^database-listen: .*\n`).FindString(read(t, filepath.Join(root, "docs/fleet.md")))
	if line == "" {
		t.Fatal("docs/fleet.md has no line for database-listen")
	}
	return `# on node2
cp /etc/syncline/syncline.yaml /etc/syncline/database.url /srv/
echo '` + strings.TrimSpace(line) + `' >>/etc/syncline/syncline.yaml
sed -i 's/db.example/db.example:6432/' /etc/syncline/database.url
echo 'db.example:5432:syncline:syncline:a-long-password' | install -m 600 -o syncline /dev/stdin /etc/syncline/pgpass
PGPASSFILE=/etc/syncline/pgpass systemctl restart syncline
` + api + `
token=$(sign_in node1.example:4443)
repo=$(api https://localhost:4443/v6/BackupRepositories | jq -r '.[0].id')
session=$(api -X POST https://localhost:4443/v6/BackupRepositories/$repo/Sync | jq -r .id)
api -N https://localhost:4443/v6/RepositorySynchronizeSessions/$session/Events >/dev/null
api https://localhost:4443/v6/RepositorySynchronizeSessions/$session | grep '"result":"Success"'
! grep -E 'prepared statement|level=ERROR' /mnt/log-node2
cp /srv/syncline.yaml /srv/database.url /etc/syncline/
ssh root@db.example pkill -x pgbouncer
`
}

// restored looks at the state, which is there, and has the catalog built anew.
const restored = `# on node1` + api + `
token=$(sign_in localhost:4443)
repo=$(api https://localhost:4443/v6/BackupRepositories | jq -r '.[0].id')
api https://localhost:4443/v6/BackupRepositories/$repo | jq -e .isOutOfSync
api -X POST https://node2.example:4443/v6/BackupRepositories/Sync
until api https://node2.example:4443/v6/RestorePoints | jq -e 'length == 1'; do sleep 0.5; done
`

const standby = `# on db2
ssh root@db.example sudo -u postgres psql -qc "CREATE ROLE copier REPLICATION LOGIN PASSWORD 'copier'"
ssh root@db.example sh -c "echo 'hostssl replication copier 10.20.0.0/24 scram-sha-256' >>/etc/postgresql/15/main/pg_hba.conf; pg_ctlcluster 15 main reload"
apt install postgresql
systemctl stop postgresql
ssh root@db.example tar -cC /etc/postgresql . | tar -xC /etc/postgresql
rm -r /var/lib/postgresql/15/main
sudo -u postgres env PGPASSWORD=copier pg_basebackup --checkpoint=fast -h db.example -U copier -R -D /var/lib/postgresql/15/main
systemctl start postgresql
`

// severalHosts names both servers in the address. The test's second server has the
// certificate of the first one.
func severalHosts(machine string) string {
	return `# on ` + machine + `
sed -i 's/db.example/db2.example,db.example/; s/verify-full/verify-ca/; s/?/?target_session_attrs=read-write\&/' /etc/syncline/database.url
cat /etc/syncline/database.url
systemctl restart syncline
`
}

const promote = `# on db2
ssh root@db.example pg_ctlcluster 15 main stop --mode immediate
until [ "$(curl -sk -o /dev/null -w '%{http_code}' https://node1.example:4443/readyz)" = 503 ]; do sleep 0.1; done
pg_ctlcluster 15 main promote
`

const failedOver = `# on node2
for node in node1 node2; do
  until [ "$(curl -sk https://$node.example:4443/readyz)" = ready ]; do sleep 0.1; done
done` + api + `
token=$(sign_in localhost:4443)
api https://localhost:4443/v6/EncryptionKeys -d '{"password":"another","description":"after"}' >/dev/null
token=$(sign_in node1.example:4443)
api https://node1.example:4443/v6/EncryptionKeys | grep after
`

// alone has the server go on with SQLite, and empties the database.
const alone = `# on node1
sed -i '/^database-file:/d' /etc/syncline/syncline.yaml
systemctl start syncline` + api + `
token=$(sign_in localhost:4443)
api https://localhost:4443/v6/EncryptionKeys | grep after
api https://localhost:4443/v6/RestorePoints | jq -e 'length == 1'
ssh root@db2.example sudo -u postgres psql -qc 'DROP SCHEMA syncline CASCADE' syncline
`

const carried = `# on node1
echo 'database-file: /etc/syncline/database.url' >>/etc/syncline/syncline.yaml
systemctl start syncline` + api + `
token=$(sign_in localhost:4443)
api https://localhost:4443/v6/EncryptionKeys | grep after
api https://localhost:4443/v6/RestorePoints | jq -e 'length == 1'
`
