#!/usr/bin/env bash
# Measures how time, memory and disk follow the size of a repository, and prints
# a table in Markdown. genrepo writes the repositories, one after the other. Each
# is removed after its measurement.
#
# Settings, by environment variable:
#   SIZES="400000 1000000 4000000"   files, in ten snapshots with 1 % changed in
#                                    each; 10000000 takes some 9 GB of disk
#   COUNTS="10 100 1000"             snapshots, of 400,000 files of which 40
#                                    change in each
#   RUNS=3                           how often a first synchronization is measured
#   WRITE=1                          put the table into docs/benchmarks.md, too
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export RESTIC_PASSWORD=${RESTIC_PASSWORD:-bench}
bench/build.sh
table=$(mktemp)
trap 'rm -f "$table"' EXIT

# measure FILES SNAPSHOTS CHANGE
measure() {
  local repo
  repo=$(FILES=$1 SNAPSHOTS=$2 CHANGE=$3 REPO='' bench/make-large.sh)
  echo "growth: $1 files, $2 snapshots" >&2
  bench/.cache/compare -r "$repo" -work bench/.cache -syncline bench/.cache/syncline -floor bench/.cache/floor -runs "${RUNS:-3}" -growth "$1 | $2" | tee -a "$table"
  case $repo in "$PWD"/bench/.cache/large-*) rm -rf "$repo" "$repo.done" ;; esac
}

tee "$table" <<'END'
| files | snapshots | trees | entries | MB of JSON | floor, s | first sync, s | µs per tree | peak MB | disk MB | nothing new, ms | find a name: s, MB |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
END
for files in ${SIZES:-400000 1000000 4000000}; do measure "$files" 10 0.01; done
for count in ${COUNTS:-10 100 1000}; do measure 400000 "$count" 0.0001; done
if [ "${WRITE:-}" = 1 ]; then
  bench/.cache/compare -section growth -from "$table" -into docs/benchmarks.md
fi
