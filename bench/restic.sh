#!/usr/bin/env bash
# Prints the restic that the benchmarks use: RESTIC where it is set, else the one
# that tools/restic pins, built the first time, else, with a note, the one on the
# PATH.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ -n "${RESTIC:-}" ]; then
  command -v "$RESTIC" || { echo "bench: $RESTIC, which RESTIC names, not found" >&2; exit 1; }
  exit
fi
if program=$("$root/scripts/tool.sh" -p restic); then
  echo "$program"
  exit
fi
echo "bench: the pinned restic cannot be built; using the one on the PATH" >&2
command -v restic || { echo "bench: restic not found; install it or set RESTIC" >&2; exit 1; }
