"""What every run of the tests shares: which examples the property tests draw."""

from __future__ import annotations

from hypothesis import settings

# The same examples in each run, so that what fails is what was changed; ci/nightly.sh draws fresh ones. No example
# has a time limit, as other work may keep the machine busy, and none is kept on disk: a failure prints its own.
settings.register_profile("same", derandomize=True, deadline=None, database=None, print_blob=True)
settings.register_profile("fresh", derandomize=False, deadline=None, database=None, print_blob=True)
settings.load_profile("same")
