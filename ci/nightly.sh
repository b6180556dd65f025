#!/usr/bin/env bash
# What takes minutes or hours: the tests marked nightly, then the table of what their proofs of robustness tried,
# injected, recovered and lost. Each proof writes its row with tests/proofs.py; arguments go to pytest.
set -u
cd "$(dirname "$0")/.."
BACKTUNE_PROOFS="$(mktemp -d)"
export BACKTUNE_PROOFS
trap 'rm -rf "$BACKTUNE_PROOFS"' EXIT
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] && ! dpkg -s ardour >/dev/null 2>&1; then
    # Ardour reads the MIDNAM files; without it those tests are skipped, with the reason
    apt-get update >/dev/null 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ardour g++ >/dev/null 2>&1 \
        || echo "apt: ardour could not be installed; tests that want it are skipped"
fi
failed=0
pytest -m nightly -rs "$@" || failed=1
python ci/proofs.py "$BACKTUNE_PROOFS" || failed=1
exit "$failed"
