#!/usr/bin/env bash
# Writes the large benchmark repository with genrepo: FILES files in each of
# SNAPSHOTS snapshots. Prints the repository's path on standard output, all else
# on standard error. A finished repository is kept and used again. The default
# size takes some 6 GB of disk.
#
# Settings, by environment variable:
#   FILES=4000000 SNAPSHOTS=30 CHANGE=0.01 SEED=1
#   REPO=bench/.cache/…    where the repository goes
#   RESTIC_PASSWORD=bench
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

FILES=${FILES:-4000000} SNAPSHOTS=${SNAPSHOTS:-30} CHANGE=${CHANGE:-0.01} SEED=${SEED:-1}
REPO=${REPO:-$here/.cache/large-$FILES-$SNAPSHOTS-$CHANGE-$SEED}
export RESTIC_PASSWORD=${RESTIC_PASSWORD:-bench}

stamp="$FILES $SNAPSHOTS $CHANGE $SEED"
if [ "$(cat "$REPO.done" 2>/dev/null)" = "$stamp" ]; then
  echo "$REPO"
  exit 0
fi
# Only ever remove what this script began: the .part folder is its own.
part=$REPO.part
if [ -e "$REPO" ]; then
  echo "make-large: $REPO is there but was not finished by this script with these settings; remove it" >&2
  exit 1
fi
rm -rf "$part"
mkdir -p "$part"
(cd "$here/.." && go build -o "$part/genrepo" ./bench/genrepo)
"$part/genrepo" -r "$part/repo" -files "$FILES" -snapshots "$SNAPSHOTS" -change "$CHANGE" -seed "$SEED" >&2
mv "$part/repo" "$REPO"
echo "$stamp" >"$REPO.done"
rm -rf "$part"
echo "$REPO"
