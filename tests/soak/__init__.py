"""Long runs that are not part of the suite: `python -m tests.soak.NAME --help`."""
