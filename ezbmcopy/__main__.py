"""`python -m ezbmcopy` is the `ezbmcopy` command."""

from ezbmcopy.cli import main

raise SystemExit(main())
