#!/usr/bin/env bash
# Builds the measured and the measuring programs into bench/.cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p bench/.cache
version=$(scripts/version.sh)
CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=$version" -o bench/.cache/syncline ./cmd/syncline
go build -o bench/.cache/floor ./bench/floor
go build -o bench/.cache/compare ./bench/compare
go build -o bench/.cache/genrepo ./bench/genrepo
