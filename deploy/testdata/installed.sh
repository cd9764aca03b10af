# Runs in a machine that boot.sh has booted, after the installation of the deb. It stops at
# the first command that fails.
export HOME=/root
url=https://localhost:4443
ready() { [ "$(curl -sk --retry 60 --retry-delay 1 --retry-connrefused $url/readyz)" = ready ]; }
pid() { systemctl show --property MainPID --value syncline; }

# What is installed: a unit that systemd finds nothing wrong with, manual pages, completions.
systemd-analyze verify --man=no syncline.service
zcat /usr/share/man/man1/syncline-serve.1.gz | grep -q '^\.TH "SYNCLINE-SERVE" "1" "Nov 2023" "Syncline v9.8.7-rc1"'
zcat /usr/share/man/man1/syncline-user-add.1.gz | grep -q '^syncline-user-add - '
bash -c '. /usr/share/bash-completion/completions/syncline && complete -p syncline'
grep -q '^#compdef syncline' /usr/share/zsh/vendor-completions/_syncline
grep -q 'complete -c syncline' /usr/share/fish/vendor_completions.d/syncline.fish
syncline config check /etc/syncline/syncline.yaml
[ "$(stat -c '%U %G %a %s' /etc/syncline/secret.key)" = 'root syncline 640 32' ]

# The installation starts nothing. The service runs without any right of root, with the key
# of root.
[ "$(systemctl is-active syncline)" = inactive ]
systemctl start syncline
ready
[ "$(ps -o user= -p "$(pid)")" = syncline ]
grep -E '^Cap(Prm|Eff|Bnd|Amb):.*[1-9a-f]' "/proc/$(pid)/status" && exit 1
grep -q '^NoNewPrivs:.1$' "/proc/$(pid)/status"
grep -q '^Seccomp:.2$' "/proc/$(pid)/status"
[ ! -e /var/lib/syncline/secret.key ]
[ "$(stat -c '%U %a' /var/lib/syncline)" = 'syncline 700' ]

# The password of the first start is for root, and not in the journal.
set +x
password=$(cat /var/lib/syncline/initial-password)
[ ${#password} -ge 20 ]
journalctl --sync
journalctl --no-pager --unit syncline | grep -q 'the password is in /var/lib/syncline/initial-password'
if journalctl --no-pager | grep -qF "$password"; then
  echo "the password is in the journal"
  exit 1
fi
sign_in() { token=$(curl -sk $url/v6/token -d grant_type=password -d username=administrator --data-urlencode "password=$password" | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p'); }
sign_in
api() { curl -sk --fail-with-body -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }
id() { sed -n 's/.*"id":"\([^"]*\)".*/\1/p'; }
set -x

# It reads a repository of this machine, and synchronizes it.
cp -r /test/repo /srv/repo
key=$(api $url/v6/EncryptionKeys -d "{\"password\":\"$(cat /test/password)\",\"description\":\"repo\"}" | id)
repo=$(api $url/v6/BackupRepositories -d "{\"name\":\"repo\",\"path\":\"/srv/repo\",\"encryptionKeyId\":\"$key\",\"retentionType\":\"SnapshotBased\"}" | id)
synchronize() {
  session=$(api -X POST $url/v6/BackupRepositories/$repo/Sync | id)
  api -N $url/v6/RepositorySynchronizeSessions/$session/Events >/dev/null
  api $url/v6/RepositorySynchronizeSessions/$session | grep '"result":"Success"'
}
synchronize

# The user syncline runs the commands that work on the data directory.
own() { runuser -u syncline -- syncline "$@"; }
own user list --data /var/lib/syncline | grep administrator
own doctor --config /etc/syncline/syncline.yaml
own backup-state - --data /var/lib/syncline >/tmp/state
[ -s /tmp/state ]

# A reload changes a setting and not the process.
before=$(pid)
echo 'debug: true' >>/etc/syncline/syncline.yaml
systemctl reload syncline
until journalctl --no-pager --unit syncline | grep -q 'the configuration is reloaded'; do journalctl --sync; done
[ "$(pid)" = "$before" ]

# An upgrade keeps the settings and restarts the service.
dpkg --install /test/syncline.deb
ready
[ "$(pid)" != "$before" ]
grep -q '^debug: true' /etc/syncline/syncline.yaml

# The drop-ins of docs/install.md: the key is sealed, and root's own repository is read.
systemd-creds encrypt --name=secret.key /etc/syncline/secret.key /etc/syncline.sealed
chmod -R go= /srv/repo
mkdir -p /etc/systemd/system/syncline.service.d
cat >/etc/systemd/system/syncline.service.d/override.conf <<'UNIT'
[Service]
LoadCredential=
LoadCredentialEncrypted=secret.key:/etc/syncline.sealed
AmbientCapabilities=CAP_DAC_READ_SEARCH
CapabilityBoundingSet=CAP_DAC_READ_SEARCH
UNIT
systemctl daemon-reload
systemctl restart syncline
ready
synchronize
rm -r /etc/systemd/system/syncline.service.d
systemctl daemon-reload

# The way back of docs/upgrading.md: the copy of the state goes into an empty directory.
systemctl stop syncline
mv /var/lib/syncline /var/lib/syncline.new
dpkg --install /test/syncline.deb
install -d -o syncline -g syncline -m 700 /var/lib/syncline
install -o syncline -m 600 /tmp/state /var/lib/syncline.state
own restore-state /var/lib/syncline.state --data /var/lib/syncline --secret-key-file /etc/syncline/secret.key
chmod -R a+rX /srv/repo
systemctl start syncline
ready
sign_in
synchronize

# A purge takes the program and the settings, and leaves the data with its key and its user.
# The next installation goes on with them, also with a key in the data directory.
systemctl enable syncline
sum=$(sha256sum </etc/syncline/secret.key)
dpkg --purge syncline
[ ! -e /usr/bin/syncline ] && [ ! -e /etc/syncline/syncline.yaml ]
[ "$(systemctl is-active syncline)" != active ]
find /etc/systemd -name 'syncline*' | grep . && exit 1
[ -s /var/lib/syncline/syncline.db ]
[ "$(stat -c %U /var/lib/syncline/syncline.db)" = syncline ]
install -o syncline -m 600 /etc/syncline/secret.key /var/lib/syncline/
rm /etc/syncline/secret.key
dpkg --install /test/syncline.deb
[ "$(sha256sum </etc/syncline/secret.key)" = "$sum" ]
systemctl start syncline
ready
sign_in
synchronize

# A database without its key gets no new one.
dpkg --purge syncline
rm /etc/syncline/secret.key /var/lib/syncline/secret.key
dpkg --install /test/syncline.deb 2>&1 | grep 'its key is missing'
[ ! -e /etc/syncline/secret.key ]
echo all is well
