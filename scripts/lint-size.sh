#!/usr/bin/env bash
# Fails for Go files of more than 700 lines; generated ones are exempt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
limit=700
status=0
while IFS= read -r -d '' file; do
  [ -f "$file" ] || continue
  lines=$(wc -l <"$file")
  if [ "$lines" -gt $limit ] && ! grep -qE '^// Code generated .* DO NOT EDIT\.$' "$file"; then
    echo "$file: $lines lines, more than $limit: split it by idea" >&2
    status=1
  fi
done < <(git ls-files -co --exclude-standard -z -- '*.go')
exit $status
