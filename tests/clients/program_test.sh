#!/usr/bin/env bash
# The program's manners that need no server: help, usage errors, completion, and the sentence when nobody answers.
set -uo pipefail
precis=$1
failures=0
# expect CODE PATTERN COMMAND...: exit code and a pattern in what was printed.
expect() {
  local code=$1 pattern=$2; shift 2
  local output got
  output=$("$@" 2>&1 </dev/null); got=$?
  if [ "$got" != "$code" ] || ! grep -qE -- "$pattern" <<<"$output"; then
    echo "FAILED: '$*' exited $got (wanted $code) or lacks /$pattern/: $output"
    failures=$((failures + 1))
  fi
}
export HOME=$(mktemp -d)
trap 'rm -rf "$HOME"' EXIT
# Port 1 is never listened on here.
nobody=127.0.0.1:1

expect 0 'Exit codes: 0 ok, 1 failed, 2 usage, 3 partly failed' "$precis" --help
expect 0 '^precis [0-9]+\.[0-9]+\.[0-9]+$' "$precis" --version
expect 2 'subcommand' "$precis"
expect 2 'budget' "$precis" compress somefile
expect 2 'required' "$precis" search
expect 2 '' "$precis" search x --mode sideways
expect 2 'name the folder' "$precis" --server $nobody eval
expect 1 'set.json' "$precis" --server $nobody eval "$HOME/not-there"
expect 2 "is no condition" "$precis" --server $nobody search x --where '=3'
expect 1 "no server answers at $nobody" "$precis" --server $nobody health
expect 1 "no server answers at $nobody" "$precis" --server $nobody ask "anything"
expect 2 "no question" "$precis" --server $nobody ask
# An option that may be repeated does not take the question behind it.
expect 1 "no server answers at $nobody" "$precis" --server $nobody ask --keep "this" -m auto --where a=b "anything"
echo '{"role": "robot"}' > "$HOME/.turns"
expect 1 "line 1 is no turn" "$precis" --server $nobody ask "anything" --turns "$HOME/.turns"
printf 'One?\n\nTwo?\n' > "$HOME/.questions"
expect 1 "no server answers at $nobody" "$precis" --server $nobody ask --questions "$HOME/.questions" -q "Three?" --together --rounds 3
expect 1 '"error":\{"code":"UNAVAILABLE"' "$precis" --server $nobody --json stats
expect 1 "No such file" "$precis" --server $nobody index "$HOME/not-there"
# One error is one line.
for json in "" --json; do
  lines=$("$precis" --server $nobody $json index "$HOME/not-there" 2>&1 </dev/null | wc -l)
  [ "$lines" = 1 ] || { echo "FAILED: a missing path is told in $lines lines"; failures=$((failures + 1)); }
done
expect 1 "no file to index" "$precis" --server $nobody index "$HOME"
expect 1 "not-there" "$precis" --server $nobody tokens @"$HOME/not-there"
expect 1 "not valid UTF-8" "$precis" --server $nobody search $'caf\xe9'
expect 0 'complete -o filenames -F _precis precis' "$precis" completion bash
for command in index search compress ask eval split embed generate tokens collections docs stats health model completion; do
  expect 0 'Usage' "$precis" "$command" --help
done
# The completion script is one that bash can read.
if ! "$precis" completion bash | bash -n; then echo "FAILED: bash cannot read the completion script"; failures=$((failures + 1)); fi
[ $failures -eq 0 ] && echo "all passed"
exit $((failures > 0))
