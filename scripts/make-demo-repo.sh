#!/usr/bin/env bash
# Makes internal/demorepo/repository.tar.gz: a restic repository with some weeks
# of a small software project, from two computers. Run it as root on Linux. It
# works in a mount namespace of its own, so that the backups have /home/mila and
# /srv/build, and nothing of the machine changes.
#
# Usage: scripts/make-demo-repo.sh [RESTIC]
set -euo pipefail
if [ -z "${DEMO_NAMESPACE:-}" ]; then
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  restic=$(command -v "${1:-restic}")
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cp "$restic" "$work/restic"
  cp "$0" "$work/script"
  DEMO_NAMESPACE=1 unshare --mount bash "$work/script" "$work"
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-09-18 20:00 UTC' \
    -C "$work" -cf - repository | gzip -9n >internal/demorepo/repository.tar.gz
  ls -l internal/demorepo/repository.tar.gz
  exit 0
fi

work=$1
export RESTIC_PASSWORD=tidewatch RESTIC_REPOSITORY=$work/repository TZ=UTC LC_ALL=C
mount -t tmpfs none /home
mount -t tmpfs none /srv
printf 'root:x:0:0::/root:/bin/sh\nmila:x:1000:1000::/home/mila:/bin/sh\nbuild:x:990:990::/srv/build:/bin/sh\n' >"$work/passwd"
printf 'root:x:0:\nmila:x:1000:\nbuild:x:990:\n' >"$work/group"
mount --bind "$work/passwd" /etc/passwd
mount --bind "$work/group" /etc/group
home=/home/mila/projects/tidewatch build=/srv/build/tidewatch

# numbers SEED COUNT MAX: a repeatable series.
numbers() { awk -v s="$1" -v n="$2" -v m="$3" 'BEGIN { for (i = 0; i < n; i++) { s = (s * 16807) % 2147483647; print s % m } }'; }
# photo SEED KIB: bytes that do not compress.
photo() {
  awk -v s="$1" -v n="$(($2 * 1024 / 48))" 'BEGIN {
    a = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (i = 0; i < n; i++) { l = ""; for (j = 0; j < 64; j++) { s = (s * 16807) % 2147483647; l = l substr(a, int(s / 64) % 64 + 1, 1) } print l }
  }' | base64 -d
}
# gauge DAY: one day's readings of the harbour gauge, a line every ten minutes.
gauge() {
  echo "time,level_cm,wind_ms"
  paste <(numbers "$1" 144 15) <(numbers "$1$1" 144 120) | awk -v d="$1" '{
    m = (NR - 1) * 10; l = 310 + 180 * sin((m + d * 50) / 745 * 6.2832)
    printf "%02d:%02d,%d,%.1f\n", m / 60, m % 60, l + $1, $2 / 10 }'
}
# source_file PACKAGE FUNCTION...: a Go file that looks real.
source_file() {
  local p=$1 f
  shift
  printf 'package %s\n\nimport "time"\n' "$p"
  for f in "$@"; do
    printf '\n// %s is computed from the harmonic constants of the station.\nfunc %s(s Station, at time.Time) float64 {\n\tsum := s.Mean\n\tfor _, c := range s.Constants {\n\t\tsum += c.At(at)\n\t}\n\treturn sum\n}\n' "$f" "$f"
  done
}

# at DATE: sets the time of all files written after the last call.
at() {
  now=$1
  find /home /srv -newer "$work/mark" -exec touch -h -d "$now" {} +
  chown -R 1000:1000 /home/mila
  [ ! -d /srv/build ] || chown -R 990:990 /srv/build
  sleep 0.02
  touch "$work/mark"
}
# backup HOST PATH [TAG...]
backup() {
  local host=$1 path=$2 tags=()
  shift 2
  for tag in "$@"; do tags+=(--tag "$tag"); done
  "$work/restic" backup -q --no-cache --host "$host" --time "$now" "${tags[@]}" --exclude '*.tmp' "$path"
}
# release: copies the laptop's files to the build machine.
release() {
  mkdir -p $build
  (cd $home && tar --exclude=./photos -cf - .) | tar -C $build -xf -
  mkdir -p $build/out
  photo "$1" 14 >$build/out/tidewatch-linux-amd64
  chmod 755 $build/out/tidewatch-linux-amd64
  printf 'ok\ttidewatch/tide\t0.%03ds\nok\ttidewatch/web\t0.%03ds\n' "$1" "$(($1 * 2))" >>$build/out/build.log
}

"$work/restic" init -q
touch "$work/mark"
sleep 0.02

mkdir -p $home/{tide,web,docs,data/gauge,photos}
cd $home
printf '# Tidewatch\n\nTide tables and live gauges for small harbours.\n\n    go run .\n' >README.md
printf 'module example.org/tidewatch\n\ngo 1.24\n' >go.mod
printf 'package main\n\nimport "log"\n\nfunc main() {\n\tlog.Fatal(serve(":8080"))\n}\n' >main.go
source_file tide HighWater LowWater Level >tide/tide.go
source_file tide TestLevel >tide/tide_test.go
printf 'Ask the harbour master about the gauge.\nBuy a longer cable.\n' >docs/notes.txt
printf '<!doctype html>\n<title>Tidewatch</title>\n<link rel=stylesheet href=style.css>\n<main id=chart></main>\n' >web/index.html
printf 'body { font: 16px/1.5 sans-serif; margin: 2rem }\n' >web/style.css
{ echo "harbour,lat,lon"; paste -d, <(numbers 5 90 900) <(numbers 6 90 9000) <(numbers 7 90 9000) | awk -F, '{ printf "harbour-%03d,%.3f,%.3f\n", $1, 48 + $2 / 1000, -5 + $3 / 1000 }'; } >data/harbours.csv
photo 11 18 >photos/pier.jpg
ln -s tide/tide.go newest.go
at '2026-08-03 18:12:40'
backup mila-laptop $home

for d in 1 2 3; do gauge $d >data/gauge/2026-08-0$d.csv; done
source_file web Chart Legend >web/chart.go
at '2026-08-05 21:40:03'
backup mila-laptop $home

release 101
at '2026-08-06 02:00:00'
backup buildbox $build nightly

for d in 4 5 6 7 8 9; do gauge $d >data/gauge/2026-08-0$d.csv; done
printf 'body { font: 16px/1.5 sans-serif; margin: 2rem auto; max-width: 60rem }\n#chart { height: 24rem }\n' >web/style.css
photo 12 22 >photos/gauge-box.jpg
photo 13 15 >'photos/Hafen bei Flut, Süd.jpg'
at '2026-08-10 19:05:51'
backup mila-laptop $home

source_file tide HighWater LowWater Level Range >tide/tide.go
printf 'work in progress\n' >docs/draft.tmp
printf '# How the tables are computed\n\nEach station has %d constants; see tide/.\n' 37 >docs/tables.md
at '2026-08-14 17:30:00'
backup mila-laptop $home before-rename

mv tide harmonics
rm newest.go
ln -s harmonics/tide.go newest.go
mv harmonics/tide.go harmonics/harmonics.go
mv docs/notes.txt docs/todo.txt
at '2026-08-15 10:22:18'
backup mila-laptop $home

release 117
at '2026-08-17 02:00:00'
backup buildbox $build nightly

for d in 10 11 12 13 14 15 16 17 18 19 20; do gauge $d >data/gauge/2026-08-$d.csv; done
rm photos/pier.jpg
photo 14 20 >photos/pier-east.jpg
source_file web Chart Legend Axis Tooltip >web/chart.go
at '2026-08-21 20:48:33'
backup mila-laptop $home

printf '# Changes\n\n## 1.0\n- Tables for 90 harbours\n- Live gauge\n' >CHANGELOG.md
printf 'package main\n\nimport (\n\t"log"\n\t"os"\n)\n\nfunc main() {\n\tif err := serve(os.Args[1:]); err != nil {\n\t\tlog.Fatal(err)\n\t}\n}\n' >main.go
at '2026-08-28 16:00:12'
backup mila-laptop $home release-1.0

release 128
at '2026-08-28 16:20:00'
backup buildbox $build release-1.0 nightly

mkdir -p data/archive
mv data/gauge/2026-08-0*.csv data/archive/
rm docs/todo.txt docs/draft.tmp
for d in 21 22 23 24 25 26 27 28 29 30 31; do gauge $d >data/gauge/2026-08-$d.csv; done
at '2026-09-04 18:31:09'
backup mila-laptop $home

rm -r data/archive
mkdir -p web/static
mv web/style.css web/index.html web/static/
source_file web Handler Health Metrics >web/server.go
at '2026-09-11 22:10:44'
backup mila-laptop $home

release 141
rm $build/README.md
at '2026-09-12 02:00:00'
backup buildbox $build nightly

printf '# Changes\n\n## 1.1\n- Metrics\n- Faster charts\n\n## 1.0\n- Tables for 90 harbours\n- Live gauge\n' >CHANGELOG.md
printf '# Tidewatch\n\nTide tables and live gauges for small harbours.\n\n    go run . --listen :8080\n' >README.md
photo 15 16 >photos/launch-party.jpg
at '2026-09-18 19:45:27'
backup mila-laptop $home release-1.1

"$work/restic" check -q --no-cache --read-data
rm -rf "$work"/repository/locks/*
