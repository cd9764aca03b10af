#!/usr/bin/env bash
# Builds a release into dist/: static programs with manual pages and completions in an
# archive for each system, deb and rpm packages, the files of the container image, the Helm
# chart, a list of all modules (SBOM) for each program, and SHA256SUMS.
#
#   scripts/dist.sh [-o DIRECTORY] [-s] [OS/ARCHITECTURE...]
#
# VERSION and SOURCE_DATE_EPOCH are those of the commit, unless they are set.
# Without targets it builds for all six. -s leaves the lists of modules out, whose tool
# takes minutes to build. The same commit and the same Go give the same bytes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
umask 022
export LC_ALL=C TZ=UTC

out=dist sbom=yes
while getopts o:s option; do
  case $option in
  o) out=$OPTARG ;;
  s) sbom= ;;
  *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

version=${VERSION:-$(scripts/version.sh)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
# Packages know no "v", sort 3 commits after a release behind it, and a candidate before.
PACKAGE_VERSION=$(sed -E 's/^v//; s/-([0-9]+)-(g[0-9a-f]+)/+\1.\2/; s/-dirty$/.dirty/; s/-/~/g' <<<"$version")
export PACKAGE_VERSION

# Variables of the builder would change the programs.
unset GOFLAGS GOEXPERIMENT GODEBUG GOOS GOARCH
export CGO_ENABLED=0 GOAMD64=v1 GOARM64=v8.0
build() { go build -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$version" "$@" ./cmd/syncline; }

mkdir -p "$out"
out=$(cd "$out" && pwd)
if [ "$out" != "$PWD/dist" ] && [ -n "$(ls -A "$out")" ] && [ ! -e "$out/SHA256SUMS" ] && [ ! -d "$out/container" ]; then
  echo "dist.sh: $out holds other files; name an empty directory with -o" >&2
  exit 1
fi
rm -rf "${out:?}"/*
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pack=$work/pack
go build -o "$pack" ./scripts/pack
nfpm=$(scripts/tool.sh -p nfpm)
if [ -n "$sbom" ]; then
  syft=$(scripts/tool.sh -p syft)
  go build -o "$work/ownmodules" ./scripts/ownmodules
  mapfile -t own_modules < <(go list -m -f '{{with .Replace}}{{if not .Version}}{{$.Path}}{{end}}{{end}}' all | grep . || true)
fi

# All systems share these: manual pages, completions, licenses.
share=$work/share
mkdir -p "$share/man" "$share/completions" "$share/doc"
build -tags manpages -o "$work/manpages"
"$work/manpages" "$share/man"
own=$work/programs/$(go env GOOS)-$(go env GOARCH)/syncline
build -o "$own"
"$own" completion bash >"$share/completions/syncline"
"$own" completion zsh >"$share/completions/_syncline"
"$own" completion fish >"$share/completions/syncline.fish"
cp LICENSE CHANGELOG.md "$share/doc/"
scripts/licenses.sh >"$share/doc/third-party-licenses.txt"
go run ./scripts/roots >"$work/ca-certificates.crt"

# dated gives all files of a directory the time of the commit.
dated() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

# archive makes what is unpacked by hand.
archive() {
  local name=syncline-$PACKAGE_VERSION-$GOOS-$GOARCH
  local dir=$work/$name
  mkdir "$dir"
  cp -r "$share/man" "$share/completions" "$share/doc/." "$program" "$dir/"
  case $GOOS in
  windows) "$pack" "$out/$name.zip" "$dir" ;;
  *) "$pack" "$out/$name.tar.gz" "$dir" ;;
  esac
}

# packages makes the deb and the rpm.
packages() {
  local at=$work/package-$GOARCH
  local root=$at/root
  install -D "$program" "$root/usr/bin/syncline"
  install -D -m 644 -t "$root/usr/share/man/man1" "$share/man/"*
  "$pack" -gzip "$root/usr/share/man/man1/"*
  install -D -m 644 "$share/completions/syncline" "$root/usr/share/bash-completion/completions/syncline"
  install -D -m 644 -t "$at/zsh" "$share/completions/_syncline"
  install -D -m 644 "$share/completions/syncline.fish" "$root/usr/share/fish/vendor_completions.d/syncline.fish"
  install -D -m 644 deploy/systemd/syncline.service "$root/usr/lib/systemd/system/syncline.service"
  install -D -m 644 deploy/systemd/syncline.sysusers "$root/usr/lib/sysusers.d/syncline.conf"
  install -D -m 644 "$share/doc/LICENSE" "$root/usr/share/doc/syncline/copyright"
  install -m 644 "$share/doc/third-party-licenses.txt" "$root/usr/share/doc/syncline/"
  install -m 644 "$share/doc/CHANGELOG.md" "$root/usr/share/doc/syncline/changelog"
  "$pack" -gzip "$root/usr/share/doc/syncline/changelog"
  install -D -m 644 deploy/package/syncline.yaml "$root/etc/syncline/syncline.yaml"
  cp deploy/package/nfpm.yaml deploy/package/*.sh "$at/"
  dated "$at"
  for kind in deb rpm; do
    (cd "$at" && ARCH=$GOARCH "$nfpm" package --config nfpm.yaml --packager $kind --target "$out/" >/dev/null)
  done
}

# container adds the program to the files of the image.
container() {
  local at=$out/container
  install -D "$program" "$at/$GOARCH/usr/bin/syncline"
  [ ! -d "$at/common" ] || return 0
  install -D -m 644 -t "$at/common/usr/share/doc/syncline" "$share/doc/LICENSE" "$share/doc/third-party-licenses.txt"
  install -D -m 644 -t "$at/common/etc/ssl/certs" "$work/ca-certificates.crt"
  install -d -m 700 "$at/owned" "$at/owned/data" "$at/owned/tmp"
}

# modules lists what a program is built from. syft makes a number of the path that it is
# given, and a random one, and knows the time: these would differ from build to build.
modules() {
  local file=$out/syncline-$PACKAGE_VERSION-$GOOS-$GOARCH.cdx.json
  (
    cd "${program%/*}"
    SYFT_CHECK_FOR_APP_UPDATE=false "$syft" scan "file:${program##*/}" --quiet --source-name syncline --source-version "$version" -o cyclonedx-json
  ) | "$work/ownmodules" "${own_modules[@]}" | sed -E "s/\"serialNumber\":\"[^\"]*\",//; s/(\"timestamp\":\")[^\"]*/\1$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)/" >"$file"
}

for target; do
  export GOOS=${target%/*} GOARCH=${target#*/}
  program=$work/programs/$GOOS-$GOARCH/syncline
  [ "$GOOS" != windows ] || program+=.exe
  echo "dist: $target" >&2
  [ -e "$program" ] || build -o "$program"
  archive
  if [ "$GOOS" = linux ]; then
    packages
    container
  fi
  [ -z "$sbom" ] || modules
done

# Helm's versions have three numbers, and "-" where packages have "~".
chart_version=${PACKAGE_VERSION//\~/-}
cp -r deploy/helm/syncline "$work/syncline"
sed -i -E "s/^version: .*/version: \"$chart_version\"/; s/^appVersion: .*/appVersion: \"$chart_version\"/" "$work/syncline/Chart.yaml"
"$pack" "$out/syncline-$chart_version.tgz" "$work/syncline"

(cd "$out" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs sha256sum >SHA256SUMS)
echo "dist: $version is in $out" >&2
