#!/usr/bin/env bash
# Builds the benchmark repository, unless it is there, and measures Syncline on
# it beside restic and the floor. Settings: those of make-repo.sh; RESTIC names
# the restic that builds and is compared with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/deps.sh
export RESTIC=${RESTIC:-restic} RESTIC_PASSWORD=${RESTIC_PASSWORD:-bench}
repo=$(bench/make-repo.sh)
for program in cmd/syncline bench/floor bench/compare; do
  go build -o "bench/.cache/${program##*/}" "./$program"
done
bench/.cache/compare -r "$repo" -syncline bench/.cache/syncline -floor bench/.cache/floor -restic "$RESTIC"
