#!/usr/bin/env bash
# What takes minutes or hours: the tests marked nightly, the property tests with fresh examples, then the table of what
# their proofs of robustness tried, injected, recovered and lost. Each proof writes its row with tests/proofs.py;
# arguments go to pytest.
set -u
cd "$(dirname "$0")/.."
BACKTUNE_PROOFS="$(mktemp -d)"
export BACKTUNE_PROOFS
trap 'rm -rf "$BACKTUNE_PROOFS"' EXIT
# Ardour reads the MIDNAM files; mda-lv2 and zynaddsubfx-vst are instruments that DawDreamer hosts, beside the effects
# and sounds that every run wants. Without them those tests are skipped, with the reason.
packages=()
for package in ardour g++ fluid-soundfont-gm fluidsynth zam-plugins mda-lv2 zynaddsubfx-vst jackd2 libportaudio2; do
    dpkg -s "$package" >/dev/null 2>&1 || packages+=("$package")
done
if [ ${#packages[@]} -gt 0 ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"; } \
        >/dev/null 2>&1 || echo "apt: ${packages[*]} could not be installed; tests that want them are skipped"
fi
python -c "import dawdreamer" 2>/dev/null || pip install --quiet dawdreamer \
    || echo "pip: dawdreamer could not be installed; tests that want it are skipped"
failed=0
python -c "import atheris, distributed, pip_audit, pytest" 2>/dev/null || pip install --quiet ".[test,nightly]" \
    || echo "pip: what the night needs could not be installed"
python -c "import sounddevice, rtmidi" 2>/dev/null || pip install --quiet ".[live]" \
    || echo "pip: sounddevice and python-rtmidi could not be installed; tests that want them are skipped"
python -m pytest -m nightly -rs "$@" || failed=1
python -m pytest -m "hypothesis and not nightly" --hypothesis-profile=fresh "$@" || failed=1  # other examples each night
python ci/bench/start.py || failed=1
if command -v jackd >/dev/null; then python ci/bench/live.py presets/patches/piano.yaml || failed=1; fi  # a minute
python ci/audit.py || failed=1
python ci/fuzz.py "${BACKTUNE_FUZZ_S:-3600}" || failed=1  # seconds, shared by all kinds of file
python ci/proofs.py "$BACKTUNE_PROOFS" || failed=1
exit "$failed"
