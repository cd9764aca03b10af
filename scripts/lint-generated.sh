#!/usr/bin/env bash
# Fails when generated code differs from what its sources give. It writes the
# generated files, so they only need to be committed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
state() { git ls-files -co --exclude-standard -z -- '*.gen.go' '*_gen.go' | xargs -0r sha256sum; }
before=$(state)
go generate ./...
if [ "$before" != "$(state)" ]; then
  echo "generated code was out of date; it has been written anew, please commit it:" >&2
  diff <(echo "$before") <(state) | sed -n 's/^[<>] [0-9a-f]*  /  /p' | sort -u >&2
  exit 1
fi
