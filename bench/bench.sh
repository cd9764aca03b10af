#!/usr/bin/env bash
# Builds the benchmark repository with restic, unless it exists. Measures
# Syncline, the present release, restic, kopia and the floor on it, and prints the
# result as Markdown.
#
# Settings, by environment variable, beside those of make-repo.sh:
#   QUICK=1         the rows without restic and without what takes minutes, each
#                   beside the release; for a look before a commit
#   STEPS=…         only these steps, with commas between: cold, nothing, more,
#                   searches, listings, differences, news, objects, restores,
#                   server, served, idle, lists, kopia
#   RELEASE=REF     the commit or tag that is the present release (default: see
#                   release.sh); RELEASE=none leaves its columns out
#   RESTIC=…        the program that builds the repository and is compared with
#                   (default: the one of tools/restic; see restic.sh)
#   KOPIA=…         kopia (default: the one of tools/kopia); KOPIA=none leaves its
#                   column out
#   REPO=…          use this repository as it is, instead of building one
#   LARGE=1         measure on the repository of make-large.sh instead; restic is
#                   then asked about its newest snapshot only
#   WRITE=1         put the result into docs/benchmarks.md and the short table into
#                   README.md, too
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ "${WRITE:-}" = 1 ] && [ -n "${QUICK:-}${STEPS:-}" ]; then
  echo "bench: a run with QUICK or STEPS is not whole, and WRITE=1 writes whole ones only" >&2
  exit 2
fi
RESTIC=$(bench/restic.sh)
export RESTIC RESTIC_PASSWORD=${RESTIC_PASSWORD:-bench}
flags=(-steps "${STEPS:-}")
[ "${QUICK:-}" = 1 ] && flags+=(-quick)
[ "${WRITE:-}" = 1 ] && flags+=(-into docs/benchmarks.md)
if [ -n "${REPO:-}" ] && [ -e "$REPO/config" ]; then
  repo=$REPO
elif [ "${LARGE:-}" = 1 ]; then
  repo=$(bench/make-large.sh)
else
  repo=$(bench/make-repo.sh)
  [ "${WRITE:-}" = 1 ] && flags+=(-readme README.md)
  if [ "${QUICK:-}" != 1 ] && [[ ",${STEPS:-kopia}," == *,kopia,* ]] && [ "${KOPIA:-}" != none ]; then
    if KOPIA=${KOPIA:-$(scripts/tool.sh -p kopia)}; then
      kopia=$(KOPIA=$KOPIA bench/make-kopia.sh)
      flags+=(-kopia "$KOPIA" -kopia-repository "$kopia")
    else
      echo "bench: the pinned kopia cannot be built; its column is left out" >&2
    fi
  fi
fi
[ "${LARGE:-}" = 1 ] && flags+=(-newest -runs 1)
if [ -z "${LARGE:-}${QUICK:-}" ] && [[ ",${STEPS:-large}," == *,large,* ]]; then
  flags+=(-large "$(REPO='' FILES='' bench/make-files.sh)")
fi
bench/build.sh
release=$(bench/release.sh)
bench/.cache/compare -r "$repo" -work bench/.cache -syncline bench/.cache/syncline -release "$release" -floor bench/.cache/floor -genrepo bench/.cache/genrepo -restic "$RESTIC" "${flags[@]}"

# Catalogs in PostgreSQL against catalogs in SQLite, where PostgreSQL is installed.
[ -n "${QUICK:-}${STEPS:-}" ] && exit
if compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
  REPO=$repo go test -run '^$' -bench Databases -benchtime 1x -timeout 2h ./bench/databases
fi
