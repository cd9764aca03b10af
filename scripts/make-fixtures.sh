#!/usr/bin/env bash
# Makes the repositories in testdata/repos with two versions of restic, and each
# restic's own listings of them. Run it as root on Linux, on a file system with
# extended attributes.
#
# Usage: scripts/make-fixtures.sh OLD_RESTIC NEW_RESTIC
#
# The old one should be 0.14; the names in internal/resticfixture say so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
old=$(command -v "${1:?usage: make-fixtures.sh OLD_RESTIC NEW_RESTIC}")
new=$(command -v "${2:?usage: make-fixtures.sh OLD_RESTIC NEW_RESTIC}")
out=$PWD/testdata/repos
# The backups contain this path, so it must not change.
work=/tmp/syncline-fixtures
mkdir "$work"
trap 'rm -rf "$work"' EXIT
export RESTIC_PASSWORD=fixture RESTIC_PROGRESS_FPS=0 TZ=UTC LC_ALL=C.UTF-8
go build -o "$work/oddtree" ./scripts/oddtree
mkdir -p "$out"

# keep NAME RESTIC: stores the repository and its restic's listings.
keep() {
  local name=$1 restic=$2 repo=$work/$1/repo id
  "$restic" -r "$repo" --no-cache snapshots --json | gzip -9n >"$out/$name.snapshots.json.gz"
  "$restic" -r "$repo" --no-cache snapshots --json | grep -oE '"id":"[0-9a-f]{64}"' | cut -d'"' -f4 | while read -r id; do
    "$restic" -r "$repo" --no-cache ls --json "$id" </dev/null
  done | gzip -9n >"$out/$name.ls.json.gz"
  "$restic" -r "$repo" --no-cache check -q --read-data
  rm -rf "$repo"/locks/* "$repo"/tmp
  # restic makes missing folders when it needs them.
  find "$repo/data" -type d -empty -delete
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-01-01 UTC' -C "$work/$name" -cf - repo |
    gzip -9n >"$out/$name.tar.gz"
}

# odd NAME RESTIC VERSION COMPRESSION DEPTH
odd() {
  local name=$1 restic=$2 version=$3 compression=$4 depth=$5 src=$work/$1/source
  local r=("$restic" -r "$work/$name/repo" --no-cache)
  mkdir -p "$src"
  "$work/oddtree" "$src" "$depth"
  "${r[@]}" init -q --repository-version "$version"
  printf 'zweites Paßwort ✓' >"$work/second"
  "${r[@]}" key add --new-password-file "$work/second" >/dev/null
  [ "$version" = 1 ] || r+=(--compression "$compression")
  (
    cd "$src"
    "${r[@]}" backup -q --host alpha --time '2025-03-01 08:00:00' --tag first .
    echo changed >types/plain
    rm -r 'names/dir "quoted"'*
    "${r[@]}" backup -q --host alpha --time '2025-03-02 08:00:00' --tag second,odd .
    mv times/epoch 'times/epoch, renamed'
    "${r[@]}" backup -q --host beta --time '2025-03-02 09:30:00' --exclude 'names/*' .
    "${r[@]}" backup -q --host beta --time '2025-03-03 09:30:00' types/plain times
    rm -r times
    "${r[@]}" backup -q --host alpha --time '2025-03-04 08:00:00' --tag second .
    # A sixth snapshot, forgotten below, makes restic rewrite packs and index.
    echo gone >types/soon-gone
    "${r[@]}" backup -q --host gone --time '2025-03-05 08:00:00' .
  )
  "${r[@]}" forget -q --host gone --prune latest >/dev/null
  "${r[@]}" tag -q --host beta --path "$src" --add retagged
  keep "$name" "$restic"
}

odd v1-old "$old" 1 auto 30
odd v2-old "$old" 2 auto 30
odd v2-old-plain "$old" 2 off 30
odd v1-new "$new" 1 auto 30
odd v2-new "$new" 2 auto 200
odd v2-new-plain "$new" 2 off 30

# One file in many blobs, twice, the second time with a line added.
mkdir -p "$work/v2-large/source"
large=("$new" -r "$work/v2-large/repo" --no-cache)
"${large[@]}" init -q
"${large[@]}" key add --new-password-file "$work/second" >/dev/null
seq -f 'line %.0f of a file that is long enough for many blobs' 120000 >"$work/v2-large/source/large.txt"
(cd "$work/v2-large/source" && "${large[@]}" backup -q --host alpha --time '2025-03-01 08:00:00' .)
sed -i '60000i put in later' "$work/v2-large/source/large.txt"
(cd "$work/v2-large/source" && "${large[@]}" backup -q --host alpha --time '2025-03-02 08:00:00' .)
keep v2-large "$new"
go test ./internal/resticfixture -run TestQuickKeys -update # keys that are derived at once
ls -l "$out"
