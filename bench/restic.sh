#!/usr/bin/env bash
# Prints the path of the benchmarks' restic. It is RESTIC if that is set, or the
# restic that tools/restic pins, which the first run builds. If it cannot be
# built, it is the one on the PATH, with a note.
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
