"""The `cssmtp` command: one module per subcommand, imported only when it is asked for.

Promises: a person gets one clear line and exit status 2 for any mistake of ours to understand; never a traceback.
Never: does work itself.
"""

from __future__ import annotations
