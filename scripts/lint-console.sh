#!/usr/bin/env bash
# Fails when the console's committed files are not what its sources give, with
# the packages that the lock file pins.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/deps.sh
cd internal/console/web
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
node build.mjs --out "$out"
if ! diff -r "$out" ../dist >&2; then
  echo "the console's files are not what their sources give; run make console and commit internal/console/dist" >&2
  exit 1
fi
node --test src/
