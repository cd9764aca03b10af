#!/usr/bin/env bash
# Installs what a part of the checks needs besides Go, and does nothing when all
# is there:
#   unit  a C compiler, for the race detector
#   full  the same, restic, curl, jq, Python, a browser, nginx, HAProxy, Caddy, Prometheus with its
#         Alertmanager, PostgreSQL, Node, the packages that the console's pages are tried with, the
#         object storage servers with OpenStack's Swift, rclone, OpenSSH, and systemd and rpm for
#         the packages
#   lint  Node and the packages that the console's sources are checked with
# Parts may run side by side: one waits while another installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
part=${1:?usage: scripts/deps.sh unit|full|lint}
mkdir -p .cache
exec 9>.cache/deps.lock
flock 9

missing=()
want() { command -v "$1" >/dev/null || missing+=("${@:2}"); }
case $part in
unit | full)
  want "$(go env CC)" gcc
  [ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
  ;;&
full)
  want "${SYNCLINE_TEST_RESTIC:-restic}" restic
  want curl curl
  want jq jq
  want python3 python3
  want ip iproute2
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  want chromium chromium fonts-dejavu-core
  want promtool prometheus
  want prometheus-alertmanager prometheus-alertmanager
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || want initdb postgresql
  want pgbouncer pgbouncer
  want nginx nginx
  want haproxy haproxy
  want caddy caddy
  want systemd-analyze systemd
  want rpm2cpio rpm cpio
  want cpio cpio
  want ps procps
  want rclone rclone
  want ssh openssh-client
  [ -e /usr/sbin/sshd ] || missing+=(openssh-server)
  [ -e /usr/lib/openssh/sftp-server ] || missing+=(openssh-sftp-server)
  /usr/bin/python3 -c 'import swift.proxy, paste.deploy' 2>/dev/null || missing+=(python3 python3-swift python3-pastedeploy)
  ;;&
full | lint)
  want node nodejs
  want npm npm
  ;;&
unit | full | lint) ;;
*)
  echo "deps.sh: no part named $part; there are unit, full and lint" >&2
  exit 2
  ;;
esac

if [ ${#missing[@]} -ne 0 ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "deps: this part of the checks ($part) needs these programs, please install them: ${missing[*]}" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -qy --no-install-recommends "${missing[@]}"
fi

case $part in
full) scripts/servers.sh ;;&
full | lint)
  # The console's sources are checked, and its pages tried, with these packages.
  # npm leaves a copy of the lock file with what it has installed.
  web=internal/console/web
  if [ ! -e $web/node_modules/.package-lock.json ] || [ $web/package-lock.json -nt $web/node_modules/.package-lock.json ]; then
    (cd $web && npm ci --no-fund --no-audit)
  fi
  ;;
esac
