#!/bin/sh
# Lists the snapshots of the last hours, a line for each: time, host, paths.
#
#   new-snapshots.sh https://backup.example:4443 [HOURS]
#
# SYNCLINE_USER and SYNCLINE_PASSWORD sign in; the role viewer is enough. SYNCLINE_CACERT
# names a file with the certificate to trust. Exit codes: 0 there are some, 1 there is none,
# 3 the server cannot be asked. It needs curl 7.55 or newer, jq, and GNU date.
set -eu
server=${1:?usage: new-snapshots.sh SERVER [HOURS]}
server=${server%/}
since=$(date -u -d "-${2:-24} hours" +%Y-%m-%dT%H:%M:%SZ)
fail() {
  echo "new-snapshots.sh: $*" >&2
  exit 3
}

# ask prints an answer and its status in a line of its own.
ask() { curl -sS --max-time 60 ${SYNCLINE_CACERT:+--cacert "$SYNCLINE_CACERT"} -w '\n%{http_code}\n' "$@"; }
status_of() { printf '%s\n' "$1" | tail -n 1; }
body_of() { printf '%s\n' "$1" | sed '$d'; }

# The newest version: one that is not served answers 404, one that is asks for a token.
version=
for v in v8 v7 v6; do
  answer=$(ask "$server/$v/ServiceInstance") || fail "$server does not answer"
  case $(status_of "$answer") in 200 | 401 | 403) version=$v && break ;; esac
done
[ -n "$version" ] || fail "$server serves neither v8, v7 nor v6"

# Neither the password nor the token is an argument of a program, where others see it.
answer=$(printf %s "${SYNCLINE_PASSWORD:?}" | ask "$server/$version/token" \
  -d grant_type=password -d disable_antiforgery_token=true \
  --data-urlencode "username=${SYNCLINE_USER:?}" --data-urlencode password@-)
[ "$(status_of "$answer")" = 200 ] || fail "$(body_of "$answer" | jq -r .message)"
token=$(body_of "$answer" | jq -r .access_token)
get() {
  answer=$(printf 'Authorization: Bearer %s' "$token" | ask -H @- "$server$1")
  [ "$(status_of "$answer")" = 200 ] || fail "$(body_of "$answer" | jq -r .message)"
  body_of "$answer"
}

# v6 answers with a list, and v7 and v8 with pages.
line='"\(.backupTime)\t\(.hostName)\t\(.paths | join(" "))"'
if [ "$version" = v6 ]; then
  page=$(get "/v6/RestorePoints?backupTime=$since")
  found=$(printf %s "$page" | jq -r ".[] | $line")
else
  found= offset=0
  while :; do
    page=$(get "/$version/RestorePoints?from=$since&limit=500&offset=$offset")
    found="$found$(printf %s "$page" | jq -r ".results[] | $line")
"
    n=$(printf %s "$page" | jq '.results | length')
    [ "$n" -eq 500 ] || break
    offset=$((offset + n))
  done
fi
printf '%s\n' "$found" | sed '/^$/d'
[ -n "$(printf %s "$found" | tr -d '\n')" ]
