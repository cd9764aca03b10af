#!/usr/bin/env bash
# Builds and installs the object storage servers that tests start, into
# .cache/servers: versitygw (S3), fake-gcs-server (Google Cloud Storage),
# rest-server (restic's REST protocol), toxiproxy (links that are cut or slow) and, with npm, Azurite (Azure Blob). Does nothing when they are there already.
# Their versions are pinned in tools/servers.
set -euo pipefail
cd "$(dirname "$0")/.."
source=$PWD/tools/servers
target=$PWD/.cache/servers
mkdir -p "$target/bin"

# stamped NAME FILE...: whether NAME is installed from these files.
stamp() { (cd "$source" && sha256sum "$@"); }
stamped() { [ -f "$target/$1.stamp" ] && [ "$(cat "$target/$1.stamp")" = "$(stamp "${@:2}")" ]; }

if ! stamped go go.mod go.sum; then
  echo "servers: building versitygw, fake-gcs-server, rest-server and toxiproxy" >&2
  (cd "$source" && GOFLAGS=-mod=readonly GOBIN="$target/bin" go install -trimpath -ldflags='-s -w' \
    github.com/versity/versitygw/cmd/versitygw github.com/fsouza/fake-gcs-server \
    github.com/restic/rest-server/cmd/rest-server github.com/Shopify/toxiproxy/v2/cmd/server)
  mv "$target/bin/server" "$target/bin/toxiproxy"
  stamp go.mod go.sum > "$target/go.stamp"
fi

if ! stamped npm package.json package-lock.json; then
  command -v npm > /dev/null || { echo "servers: npm is missing; install Node.js 20 or newer with npm" >&2; exit 1; }
  echo "servers: installing Azurite" >&2
  mkdir -p "$target/azurite"
  cp "$source/package.json" "$source/package-lock.json" "$target/azurite/"
  npm ci --prefix "$target/azurite" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  stamp package.json package-lock.json > "$target/npm.stamp"
fi
