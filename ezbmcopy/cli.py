"""The `ezbmcopy` command.

Promises for now: it says plainly that it is not there yet and fails, so that nobody believes files were copied.
Never: touches a spool.
"""

from __future__ import annotations

import sys

SEVERE = 12


def main() -> int:
    """Refuse the call. Returns condition code 12, as for a step that did nothing."""
    print("ezbmcopy: not part of this version yet; nothing was copied", file=sys.stderr)
    return SEVERE
