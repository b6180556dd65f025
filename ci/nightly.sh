#!/usr/bin/env bash
# What takes minutes or hours: the tests marked nightly, then the table of what their proofs of robustness tried,
# injected, recovered and lost. Each proof writes its row with tests/proofs.py; arguments go to pytest.
set -u
cd "$(dirname "$0")/.."
BACKTUNE_PROOFS="$(mktemp -d)"
export BACKTUNE_PROOFS
trap 'rm -rf "$BACKTUNE_PROOFS"' EXIT
failed=0
pytest -m nightly -rs "$@" || failed=1
python ci/proofs.py "$BACKTUNE_PROOFS" || failed=1
exit "$failed"
