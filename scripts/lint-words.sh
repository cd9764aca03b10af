#!/usr/bin/env bash
# Fails for words that make documents and comments hard to read, as far as a
# program can tell:
#   - a sentence that opens with "Of", "What" or "Whoever"
#   - words of history, which belong to the changelog
#   - the number of an issue
#   - a path of the machine on which something was written
#   - a date in docs/design
# It reads Markdown outside of code and .github, and the comments of Go, JavaScript, SQL,
# shell scripts and the Makefile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

git ls-files -co --exclude-standard -- '*.md' '*.go' '*.js' '*.sql' '*.sh' Makefile |
  grep -vE '(^|[._/])gen\.go$|(^|/)(\.github|dist|testdata|node_modules)/' |
  while IFS= read -r file; do [ -f "$file" ] && printf '%s\0' "$file"; done |
  xargs -0r awk '
    # text is the prose of a line, "" for none.
    function text(line,   at, before) {
      if (FILENAME ~ /\.md$/) {
        if (line ~ /^ *```/) { code = !code; return "" }
        if (code) return ""
        gsub(/`[^`]*`/, "CODE", line)
        return line
      }
      if (FILENAME ~ /\.(go|js)$/) mark = "//"
      else if (FILENAME ~ /\.sql$/) mark = "--"
      else mark = "#"
      if (match(line, "^[ \t]*" mark)) return substr(line, RLENGTH + 1)
      if ((at = index(line, " " mark " ")) == 0) return ""
      before = substr(line, 1, at)
      # A mark within quotes is no comment.
      if (gsub(/"/, "", before) % 2 || gsub(/\047/, "", before) % 2 || gsub(/`/, "", before) % 2) return ""
      return substr(line, at + length(mark) + 1)
    }
    function refuse(why) { printf "%s:%d: %s:%s\n", FILENAME, FNR, why, prose; status = 1 }
    FNR == 1 { code = 0 }
    {
      prose = text($0)
      if (prose == "") next
      open = prose
      sub(/^ *Of (returns|reports) /, "", open) # the comment of a function of that name
      if (open ~ /(^[ >*|-]*|[.:;!?] |\| |\*\*)(Of|What|Whoever) /) refuse("a sentence opens with Of, What or Whoever")
      if (FILENAME != "CHANGELOG.md" && prose ~ /(^|[^a-z])(no longer ([^pt]|$)|formerly|used to (be|have|do|take|need|mean|cost) )/)
        refuse("history belongs to the changelog")
      if (prose ~ /(^|[^A-Za-z])[Ii]ssues? #?[0-9]/ || prose ~ /(^|[ (])#[0-9]+([^0-9A-Za-z]|$)/) refuse("the number of an issue")
      if (prose ~ /(^|[^A-Za-z0-9_.])\/(work|root|workspace|Users)\//) refuse("a path of a machine")
      if (FILENAME ~ /^docs\/design\// && prose ~ /(^|[^0-9])20[0-9][0-9]-[01][0-9]-[0-3][0-9]/) refuse("a date")
    }
    END { exit status }
  ' >&2
