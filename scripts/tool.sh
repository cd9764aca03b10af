#!/usr/bin/env bash
# Runs a development tool at the version that tools/ pins, building it into
# .cache/bin the first time: scripts/tool.sh NAME ARGUMENT...
# With -p before the name it only prints the program's path.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
only=
[ "${1:-}" = -p ] && only=path && shift
name=${1:?usage: scripts/tool.sh [-p] NAME ARGUMENT...}
shift
tags=

case $name in
golangci-lint) module=lint package=github.com/golangci/golangci-lint/v2/cmd/golangci-lint ;;
oapi-codegen) module=. package=github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen ;;
gotestsum) module=. package=gotest.tools/gotestsum ;;
benchstat) module=. package=golang.org/x/perf/cmd/benchstat ;;
restic) module=restic package=github.com/restic/restic/cmd/restic ;;
kopia) module=kopia package=github.com/kopia/kopia tags=nohtmlui ;;
nfpm) module=nfpm package=github.com/goreleaser/nfpm/v2/cmd/nfpm ;;
syft) module=sbom package=github.com/anchore/syft/cmd/syft ;;
chart) module=helm package=. ;;
*)
  echo "tool.sh: no tool named $name; there are golangci-lint, oapi-codegen, gotestsum, benchstat, restic, kopia, nfpm, syft and chart" >&2
  exit 2
  ;;
esac

version=$( (go env GOVERSION && cat "$root/tools/$module/go.sum" && find "$root/tools/$module" -maxdepth 1 -name '*.go' -exec cat {} +) | sha256sum | cut -c1-12)
program=$root/.cache/bin/$name-$version
if [ ! -x "$program" ]; then
  echo "tool.sh: building $name, once" >&2
  mkdir -p "$root/.cache/bin"
  (cd "$root/tools/$module" && GOFLAGS=-mod=readonly go build -trimpath -tags "$tags" -ldflags='-s -w' -o "$program.$$" "$package") >&2
  mv "$program.$$" "$program"
  # Builds of other versions are useless.
  find "$root/.cache/bin" -name "$name-*" ! -name "$name-$version" -type f -delete
fi
[ -n "$only" ] && echo "$program" && exit
exec "$program" "$@"
