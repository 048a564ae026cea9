#!/usr/bin/env bash
# The demo must write the same bytes on another Python: runs it with .venv and with a fresh environment from
# requirements/base.txt, and compares every file's SHA-256 (run.json apart: it alone may hold the wall clock).
#
#   tools/same_bytes.sh [python3.12]     exit 0 the same, or that Python is not here (says so); 1 different
set -euo pipefail
cd "$(dirname "$0")/.."

other=${1:-python3.12}
if ! "$other" --version >/dev/null 2>&1 && command -v pyenv >/dev/null; then # pyenv may hold it without offering it
  held=$(pyenv versions --bare | grep -E "^${other#python}(\.|\$)" | tail -n 1 || true)
  if [ -n "$held" ]; then other=$(pyenv prefix "$held")/bin/python; fi
fi
if ! version=$("$other" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null); then
  echo "same bytes: not checked, $other does not run on this machine"
  exit 0
fi
if [ ! -x .venv/bin/python ]; then
  echo "same bytes: no .venv; run make base first" >&2
  exit 2
fi

root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1
export PYTHONDONTWRITEBYTECODE=1

"$other" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --require-hashes -r requirements/base.txt
"$work/venv/bin/python" -m pip install -qq --no-deps --no-build-isolation "$root"

# Each run has its own folder and the same relative name for its output, so that paths in it are the same too.
run() { # run NAME PYTHON
  mkdir "$work/$1"
  (cd "$work/$1" && "$2" -m seawall.cli.main demo --out demo >stdout.txt)
  (cd "$work/$1" && find . -type f ! -name run.json -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) >"$work/$1.sums"
}
run this "$root/.venv/bin/python"
run other "$work/venv/bin/python"

this=$(.venv/bin/python -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
if ! diff "$work/this.sums" "$work/other.sums"; then
  echo "same bytes: the demo differs between Python $this (<) and $version (>)" >&2
  exit 1
fi
echo "same bytes: $(wc -l <"$work/this.sums") files of the demo are equal on Python $this and $version"
