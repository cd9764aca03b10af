#!/usr/bin/env bash
# Builds kopia's repository of the files that make-repo.sh backs up, with one
# snapshot for each state of them. Prints the repository's path on standard output,
# all else on standard error. A finished repository is kept and used again. kopia
# keeps its settings and its cache beside it, and no file elsewhere.
#
# Settings, by environment variable, beside those of make-repo.sh:
#   KOPIA=…    the program
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

FILES=${FILES:-400000} SNAPSHOTS=${SNAPSHOTS:-10} CHANGE=${CHANGE:-0.01} SEED=${SEED:-1}
REPO=$here/.cache/kopia-$FILES-$SNAPSHOTS-$CHANGE-$SEED

stamp="$FILES $SNAPSHOTS $CHANGE $SEED"
if [ "$(cat "$REPO.done" 2>/dev/null)" = "$stamp" ]; then
  echo "$REPO"
  exit 0
fi
if [ -e "$REPO" ]; then
  echo "make-kopia: $REPO is there but was not finished by this script with these settings; remove it" >&2
  exit 1
fi
part=$REPO.part
rm -rf "$part"
mkdir -p "$part/repo"
free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR==2 {print $4}')
base=$part
[ "${free:-0}" -gt $((FILES * 10)) ] && base=/dev/shm
source=$(mktemp -d "$base/syncline-bench.XXXXXX")
trap 'rm -rf "$source"' EXIT

export KOPIA_PASSWORD=bench KOPIA_CHECK_FOR_UPDATES=false KOPIA_USE_KEYRING=false
export KOPIA_CONFIG_PATH=$part/config KOPIA_LOG_DIR=$part/logs
(cd "$here/.." && go build -o "$part/gentree" ./bench/gentree)
"$KOPIA" repository create filesystem --path "$part/repo" --cache-directory "$part/cache" >&2
"$KOPIA" policy set --global --keep-latest 1000000 >&2
for ((step = 0; step < SNAPSHOTS; step++)); do
  "$part/gentree" -dir "$source/data" -files "$FILES" -seed "$SEED" -step "$step" -change "$CHANGE"
  "$KOPIA" snapshot create --no-progress "$source/data" >&2
  echo "make-kopia: snapshot $((step + 1)) of $SNAPSHOTS" >&2
done
mv "$part/repo" "$REPO"
echo "$stamp" >"$REPO.done"
rm -rf "$part"
echo "$REPO"
