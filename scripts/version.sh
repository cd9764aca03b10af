#!/usr/bin/env bash
# Prints the version of this checkout: what git describes, such as v0.1.0 or
# v0.1.0-3-gabc1234; without a tag the file VERSION, and the commit behind it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
git describe --tags --match 'v*' --dirty 2>/dev/null && exit
commit=$(git describe --always --exclude '*' --dirty 2>/dev/null || true)
echo "$(cat VERSION)${commit:++g$commit}"
