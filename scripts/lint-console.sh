#!/usr/bin/env bash
# Fails when the type checker or the linter finds a fault in the console's
# sources, and when the committed files differ from a build of the sources with
# the packages of the lock file. Each run makes the API's types from its document.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/deps.sh lint
cd internal/console/web
npm run --silent types >/dev/null
npm run --silent check
npm run --silent lint
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
node build.mjs --out "$out"
if ! diff -r "$out" ../dist >&2; then
  echo "the console's files are not what their sources give; run make console and commit internal/console/dist" >&2
  exit 1
fi
node --test src/
