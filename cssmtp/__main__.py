"""`python -m cssmtp` is the `cssmtp` command."""

import sys

from cssmtp.cli import main

sys.exit(main())
