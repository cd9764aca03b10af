#!/usr/bin/env bash
# Fails when generated code differs from what its sources give. It generates in a
# copy, so that tests may run beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p .cache
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -co --exclude-standard -z | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done |
  tar -c --null -T - | tar -x -C "$copy"
ln -s "$(realpath .cache)" "$copy/.cache"
(cd "$copy" && go generate ./...)
status=0
while IFS= read -r -d '' file; do
  cmp -s "$file" "$copy/$file" || { echo "$file is not what its sources give; run make generate and commit it" >&2; status=1; }
done < <(cd "$copy" && find . \( -name '*.gen.go' -o -name '*_gen.go' \) -printf '%P\0')
exit $status
