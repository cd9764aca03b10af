#!/usr/bin/env bash
# Builds the repository of large files with the real restic: one snapshot of
# FILES files of SIZE bytes, half of which compress. Prints the repository's path
# on standard output, all else on standard error. A finished repository is kept
# and used again.
#
# Settings, by environment variable:
#   FILES=8 SIZE=134217728 SEED=1
#   RESTIC=…               the program that builds it (default: see restic.sh)
#   REPO=bench/.cache/…    where the repository goes
#   RESTIC_PASSWORD=bench
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

FILES=${FILES:-8} SIZE=${SIZE:-134217728} SEED=${SEED:-1}
RESTIC=$("$here/restic.sh")
REPO=${REPO:-$here/.cache/files-$FILES-$SIZE-$SEED}
export RESTIC_PASSWORD=${RESTIC_PASSWORD:-bench} RESTIC_PROGRESS_FPS=0.1

stamp="$FILES $SIZE $SEED"
if [ "$(cat "$REPO.done" 2>/dev/null)" = "$stamp" ]; then
  echo "$REPO"
  exit 0
fi
# Only ever remove what this script began: the .part folder is its own.
part=$REPO.part
if [ -e "$REPO" ]; then
  echo "make-files: $REPO is there but was not finished by this script with these settings; remove it" >&2
  exit 1
fi
rm -rf "$part"
mkdir -p "$part"
(cd "$here/.." && go build -o "$part/genfiles" ./bench/genfiles)
"$part/genfiles" -dir "$part/data" -files "$FILES" -size "$SIZE" -seed "$SEED"
"$RESTIC" init -q -r "$part/repo" >&2
(cd "$part" && "$RESTIC" -r repo --cache-dir "$part/cache" backup -q --host bench data) >&2
mv "$part/repo" "$REPO"
echo "$stamp" >"$REPO.done"
rm -rf "$part"
echo "$REPO"
