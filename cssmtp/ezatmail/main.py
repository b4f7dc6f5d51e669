"""The `ezatmail` command: a drop-in for programs that call `sendmail`.

Promises for now: it says plainly that it is not there yet and fails with EX_UNAVAILABLE, so that no caller
believes its mail was taken.
Never: reads or drops a message.
"""

from __future__ import annotations

import sys

EX_UNAVAILABLE = 69


def main() -> int:
    """Refuse the call. Returns the sysexits status EX_UNAVAILABLE."""
    print("ezatmail: not part of this version yet; nothing was sent", file=sys.stderr)
    return EX_UNAVAILABLE
