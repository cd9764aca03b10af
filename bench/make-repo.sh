#!/usr/bin/env bash
# Builds the benchmark repository with the real restic: FILES files, then
# SNAPSHOTS snapshots with CHANGE of the files changed before each but the
# first. Prints the repository's path on standard output, all else on standard
# error. A finished repository is kept and used again.
#
# Settings, by environment variable:
#   FILES=400000 SNAPSHOTS=10 CHANGE=0.01 SEED=1
#   RESTIC=…               the program that builds it (default: see restic.sh)
#   REPO=bench/.cache/…    where the repository goes
#   SOURCE=…               a scratch folder for the files (default: in /dev/shm
#                          where there is room, else beside the repository)
#   RESTIC_PASSWORD=bench
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

FILES=${FILES:-400000} SNAPSHOTS=${SNAPSHOTS:-10} CHANGE=${CHANGE:-0.01} SEED=${SEED:-1}
RESTIC=$("$here/restic.sh")
REPO=${REPO:-$here/.cache/repo-$FILES-$SNAPSHOTS-$CHANGE-$SEED}
export RESTIC_PASSWORD=${RESTIC_PASSWORD:-bench} RESTIC_PROGRESS_FPS=0.1

stamp="$FILES $SNAPSHOTS $CHANGE $SEED"
if [ "$(cat "$REPO.done" 2>/dev/null)" = "$stamp" ]; then
  echo "$REPO"
  exit 0
fi
# Only ever remove what this script began: the .part folder is its own.
part=$REPO.part
if [ -e "$REPO" ]; then
  echo "make-repo: $REPO is there but was not finished by this script with these settings; remove it" >&2
  exit 1
fi
rm -rf "$part"
mkdir -p "$part"

# A small file takes a block of 4 KiB, in memory and on most disks.
need=$((FILES * 5))
if [ -z "${SOURCE:-}" ]; then
  free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR==2 {print $4}')
  base=$part
  [ "${free:-0}" -gt $((need * 2)) ] && base=/dev/shm
  SOURCE=$(mktemp -d "$base/syncline-bench.XXXXXX")
  trap 'rm -rf "$SOURCE"' EXIT
fi

(cd "$here/.." && go build -o "$part/gentree" ./bench/gentree)
"$RESTIC" init -q -r "$part/repo" >&2
for ((step = 0; step < SNAPSHOTS; step++)); do
  "$part/gentree" -dir "$SOURCE/data" -files "$FILES" -seed "$SEED" -step "$step" -change "$CHANGE"
  (cd "$SOURCE" && "$RESTIC" -r "$part/repo" --cache-dir "$part/cache" backup -q --host bench --tag "step-$step" \
    --time "$(date -u -d "2026-01-05 22:00 UTC + $step days" '+%F %T')" data) >&2
  echo "make-repo: snapshot $((step + 1)) of $SNAPSHOTS" >&2
done
mv "$part/repo" "$REPO"
echo "$stamp" >"$REPO.done"
rm -rf "$part"
echo "$REPO"
