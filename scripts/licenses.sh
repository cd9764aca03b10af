#!/usr/bin/env bash
# Prints the licenses of all that the program contains: Go, the modules that are built into
# it for any system, and the packages of the console. Fails for a module without a license. A
# module that a folder here stands in for is Syncline's own code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

echo "Syncline contains the following, besides its own code."
print() {
  printf '\n---- %s\n\n' "$1"
  local files
  mapfile -t files < <(find "$2" -maxdepth 2 -type f \( -ipath "$2/licen[sc]e*" -o -ipath "$2/copying*" -o -ipath "$2/notice*" -o -ipath "$2/patents*" \) | sort)
  if [ ${#files[@]} -eq 0 ]; then
    echo "licenses: $1 has no license in $2" >&2
    return 1
  fi
  cat "${files[@]}"
}
print "Go $(go env GOVERSION)" "$(go env GOROOT)"
for system in linux darwin windows; do
  GOOS=$system go list -deps -f '{{with .Module}}{{if not (or .Main (and .Replace (not .Replace.Version)))}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/syncline
done | sort -u | while read -r path version dir; do
  print "$path $version" "$dir"
done
echo
cat internal/console/dist/licenses.txt
