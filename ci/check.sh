#!/usr/bin/env bash
# Every check a change must pass; the tests come last, so that their closing line ends the output.
set -u
cd "$(dirname "$0")/.."
failed=()
check() {
    echo "== $*"
    "$@" || failed+=("$1 ${2:-}")
}
check ruff check .
check ruff format --check .
check mypy
check lint-imports
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed before the tests: $(printf '%s; ' "${failed[@]}")"
fi
check pytest -n auto
[ ${#failed[@]} -eq 0 ]
