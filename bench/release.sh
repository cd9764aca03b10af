#!/usr/bin/env bash
# Prints the path of the present release's program, which the first run builds from
# the history. Prints nothing, and says why on standard error, where the history
# does not have the release, as in a shallow clone.
#
# The release is the commit or tag that RELEASE names. Without it, it is the newest
# tag v* in the history of this commit, and without a tag the commit in the file
# bench/release. RELEASE=none leaves it out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ "${RELEASE:-}" = none ] && exit
ref=${RELEASE:-$(git tag --list 'v*' --merged HEAD --sort=-v:refname 2>/dev/null | head -n 1 || true)} # outside of a history there is no tag
ref=${ref:-$(grep -v '^#' bench/release)}
if ! commit=$(git rev-parse --verify --quiet "$ref^{commit}"); then
  echo "bench: the history here has no release $ref; its columns are left out" >&2
  [ -z "${RELEASE:-}" ] && exit
  exit 1
fi
program=$PWD/bench/.cache/release-$commit
if [ ! -x "$program" ]; then
  echo "bench: building the release $ref, once" >&2
  part=$(mktemp -d "$(mkdir -p bench/.cache && cd bench/.cache && pwd)/release.XXXXXX")
  trap 'rm -rf "$part"' EXIT
  git archive "$commit" | tar -x -C "$part"
  version=$(git describe --tags --match 'v*' "$commit" 2>/dev/null || echo "$(cat "$part/VERSION")+g${commit:0:7}")
  (cd "$part" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-X main.version=$version" -o "$part/program" ./cmd/syncline) >&2
  mv "$part/program" "$program"
  # Programs of other releases are useless.
  find bench/.cache -maxdepth 1 -type f -name 'release-*' ! -name "release-$commit" -delete
fi
echo "$program"
