#!/usr/bin/env bash
# The tests marked nightly: they take minutes, or need programs that few machines have.
set -u
cd "$(dirname "$0")/.."
pytest -m nightly -rs "$@"
