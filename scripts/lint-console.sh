#!/usr/bin/env bash
# Fails when the console's sources have a mistake that the type checker or the
# linter finds, and when the committed files are not what the sources give with
# the packages that the lock file pins. The types of the API are made from its
# document each time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/deps.sh
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
