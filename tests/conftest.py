"""Settings of the whole suite.

Property tests explore at random on a developer's machine, where a new finding is welcome; in CI (CI=true) they are
reproducible, so that a change is judged by the change. No example has a deadline: how busy a machine is says nothing about the
code, and what hangs is ended by pytest-timeout.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("exploring", deadline=None)
settings.register_profile("ci", derandomize=True, database=None, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "exploring")
