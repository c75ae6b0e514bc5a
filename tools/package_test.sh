#!/usr/bin/env bash
# Build the sdist, and the wheel from it, then try the wheel in an empty environment of each Python, outside the checkout.
#
#   PYTHONS   the interpreters to try, by default python3.11 to python3.14; those that are not there are skipped
#
# Exits with 77 if none is there, or the tools to build with cannot be installed.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
read -ra pythons <<<"${PYTHONS:-python3.11 python3.12 python3.13 python3.14}"
tools=build/package
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
unset PYTHONDONTWRITEBYTECODE
pip=(-m pip --quiet --disable-pip-version-check)

[ -x $tools/bin/twine ] || { "$PYTHON" -m venv $tools && $tools/bin/python "${pip[@]}" install build twine; } || {
    echo "The tools to build with cannot be installed" >&2
    exit 77
}
# From a copy of what git knows: nothing else of this folder gets in, and building leaves nothing in it.
mkdir "$place/source"
git ls-files -z | tar --null --files-from - -cf - | tar -C "$place/source" -xf -
$tools/bin/python -m build --outdir "$place/dist" "$place/source" >"$place/log" || { cat "$place/log" >&2; exit 1; }
$tools/bin/twine check --strict "$place"/dist/*
"$PYTHON" -m tests.support.package contents "$place/dist"

# The versions that are locked; their hashes would be asked for of the new wheel as well.
sed -n 's/^\([a-z].*[^\\ ]\) *\\$/\1/p' requirements.lock >"$place/locked"
tried=
for python in "${pythons[@]}"; do
    "$python" -c '' 2>/dev/null || { echo "$python is not here: skipped"; continue; }
    environment=$place/$(basename "$python")
    "$python" -m venv "$environment"
    wheel=$(echo "$place"/dist/*.whl)
    "$environment/bin/python" "${pip[@]}" install --constraint "$place/locked" "${wheel}[demo,postgres]"
    "$PYTHON" -m tests.support.package program "$environment/bin/newsdesk"
    rm -rf "$environment"
    tried+=" $python"
done
[ "$tried" ] || { echo "None of these is here: ${pythons[*]}" >&2; exit 77; }
echo "The packages work with:$tried"
