"""Settings of the whole suite.

Property tests explore at random on a developer's machine, where a new finding is welcome; in CI (CI=true) they are
reproducible, so that a change is judged by the change.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI"):
    settings.load_profile("ci")
