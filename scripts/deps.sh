#!/usr/bin/env bash
# Installs what the tests need besides Go: restic, which they compare with, and
# a C compiler for the race detector. Does nothing when all is there.
set -euo pipefail

missing=()
command -v "${SYNCLINE_TEST_RESTIC:-restic}" >/dev/null || missing+=(restic)
command -v "$(go env CC)" >/dev/null || missing+=(gcc)
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "deps: the tests need these programs, please install them: ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -qy --no-install-recommends "${missing[@]}"
