#!/usr/bin/env bash
# Fuzzes every fuzz target for the given time: scripts/fuzz.sh [20s]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:-20s}
grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -r -n1 dirname | sort -u | while read -r dir; do
  for target in $(go test -list '^Fuzz' "$dir" </dev/null | grep '^Fuzz'); do
    echo "$dir $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$dir" </dev/null
  done
done
