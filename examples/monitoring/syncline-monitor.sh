#!/bin/sh
# Tells a monitoring system the state of every backup that a Syncline server watches.
#
#   syncline-monitor.sh zabbix  [SERVER]   JSON for a master item and for discovery
#   syncline-monitor.sh checkmk [SERVER]   lines of a local check, one for each backup
#
# SYNCLINE_SERVER (like https://backup.example:4443), SYNCLINE_USER, SYNCLINE_PASSWORD_FILE
# and SYNCLINE_CACERT (the certificate to trust) may also stand in /etc/syncline/monitor.conf,
# which is read as shell. The role viewer is enough. It needs curl 7.55 or newer and jq.
#
# For Zabbix the exit code is 1 where the state is not known, and nothing is on standard
# output, so the item turns unsupported. A local check of Checkmk always exits with 0: the
# service "Syncline" is CRIT then.
set -u
form=${1:-}
case $form in zabbix | checkmk) ;; *) echo "usage: syncline-monitor.sh zabbix|checkmk [SERVER]" >&2 && exit 2 ;; esac
conf=${SYNCLINE_MONITOR_CONF:-/etc/syncline/monitor.conf}
# shellcheck disable=SC1090 # the operator's own file
[ ! -r "$conf" ] || . "$conf"
server=${2:-${SYNCLINE_SERVER:-}}
server=${server%/}

fail() {
  message=$(printf %s "$*" | tr -d '\r' | tr '\n' ' ')
  if [ "$form" = checkmk ]; then
    echo "2 \"Syncline\" - $message"
    exit 0
  fi
  echo "syncline-monitor.sh: $message" >&2
  exit 1
}
[ -n "$server" ] || fail "SYNCLINE_SERVER is not set"
[ -r "${SYNCLINE_PASSWORD_FILE:-}" ] || fail "SYNCLINE_PASSWORD_FILE names no file that can be read"

# ask prints an answer and its status in a line of its own.
ask() { curl -sS --max-time 50 ${SYNCLINE_CACERT:+--cacert "$SYNCLINE_CACERT"} -w '\n%{http_code}\n' "$@" 2>&1; }
status_of() { printf '%s\n' "$1" | tail -n 1; }
body_of() { printf '%s\n' "$1" | sed '$d'; }
why() { body_of "$1" | jq -r .message 2>/dev/null || echo "the server answers $(status_of "$1")"; }

# The newest version: one that is not served answers 404, one that is asks for a token.
version=
for v in v8 v7 v6; do
  answer=$(ask "$server/$v/ServiceInstance") || fail "$server does not answer: $(body_of "$answer")"
  case $(status_of "$answer") in 200 | 401 | 403) version=$v && break ;; esac
done
[ -n "$version" ] || fail "$server serves neither v8, v7 nor v6"

# Neither the password nor the token is an argument of a program, where others see it.
answer=$(tr -d '\r\n' <"$SYNCLINE_PASSWORD_FILE" | ask "$server/$version/token" \
  -d grant_type=password -d disable_antiforgery_token=true \
  --data-urlencode "username=${SYNCLINE_USER:-}" --data-urlencode password@-)
[ "$(status_of "$answer")" = 200 ] || fail "$(why "$answer")"
token=$(body_of "$answer" | jq -r .access_token)

# v6 and v7 answer with a list, and v8 with pages. Retired backups are left out.
pages= offset=0
while :; do
  answer=$(printf 'Authorization: Bearer %s' "$token" | ask -H @- "$server/$version/Jobs?limit=500&offset=$offset")
  [ "$(status_of "$answer")" = 200 ] || fail "$(why "$answer")"
  pages="$pages$(body_of "$answer")"
  n=$(body_of "$answer" | jq 'if type == "object" then .results | length else 0 end')
  [ "$n" -eq 500 ] || break
  offset=$((offset + n))
done

# Times may have a fraction, which fromdate does not take.
state='def seconds: if . == null then null else sub("\\.[0-9]+"; "") | fromdate end;
  map(.results? // .) | add | map(select(.isEnabled) | {id, name, lastStatus, status: ({Success: 0, Warning: 1, Failed: 2}[.lastStatus] // 3), lastRun: (.lastRun | seconds)}) | sort_by(.name)'
if [ "$form" = zabbix ]; then
  printf %s "$pages" | jq -cs "$state"
else
  echo "0 \"Syncline\" - $version at $server"
  printf %s "$pages" | jq -rs --argjson now "$(date +%s)" "$state"' | .[] |
    (if .lastRun == null then ["-", "never"] else ["age=\([$now - .lastRun, 0] | max)", (.lastRun | todate)] end) as [$metric, $last] |
    "\(.status) \"Backup \(.name | gsub("[\"\\\\|\\p{Cc}]"; "_"))\" \($metric) \(.lastStatus), last backup \($last)"'
fi
