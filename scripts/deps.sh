#!/usr/bin/env bash
# Installs what the tests need besides Go: restic, which they compare with, a C
# compiler for the race detector, a browser for the console and Node for its
# development packages. Does nothing when all is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

missing=()
command -v "${SYNCLINE_TEST_RESTIC:-restic}" >/dev/null || missing+=(restic)
command -v "$(go env CC)" >/dev/null || missing+=(gcc)
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)

if [ ${#missing[@]} -ne 0 ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "deps: the tests need these programs, please install them: ${missing[*]}" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -qy --no-install-recommends "${missing[@]}"
fi

# npm leaves a copy of the lock file with what it has installed.
web=internal/console/web
if [ ! -e $web/node_modules/.package-lock.json ] || [ $web/package-lock.json -nt $web/node_modules/.package-lock.json ]; then
  (cd $web && npm ci --no-fund --no-audit)
fi
