#!/usr/bin/env bash
# Builds the benchmark repository with restic, unless it exists. Measures
# Syncline, restic and the floor on it, and prints the result as Markdown.
#
# Settings, by environment variable, beside those of make-repo.sh:
#   RESTIC=…        the program that builds the repository and is compared with
#                   (default: the one of tools/restic; see restic.sh)
#   REPO=…          use this repository as it is, instead of building one
#   LARGE=1         measure on the repository of make-large.sh instead; restic is
#                   then asked about its newest snapshot only
#   WRITE=1         put the result into docs/benchmarks.md, too
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
RESTIC=$(bench/restic.sh)
export RESTIC RESTIC_PASSWORD=${RESTIC_PASSWORD:-bench}
flags=()
if [ -n "${REPO:-}" ] && [ -e "$REPO/config" ]; then
  repo=$REPO
elif [ "${LARGE:-}" = 1 ]; then
  repo=$(bench/make-large.sh)
else
  repo=$(bench/make-repo.sh)
fi
[ "${LARGE:-}" = 1 ] && flags+=(-newest -runs 1)
[ "${WRITE:-}" = 1 ] && flags+=(-into docs/benchmarks.md)
bench/build.sh
bench/.cache/compare -r "$repo" -work bench/.cache -syncline bench/.cache/syncline -floor bench/.cache/floor -genrepo bench/.cache/genrepo -restic "$RESTIC" "${flags[@]}"

# Catalogs in PostgreSQL against catalogs in SQLite, where PostgreSQL is installed.
if compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
  REPO=$repo go test -run '^$' -bench Databases -benchtime 1x -timeout 2h ./bench/databases
fi
