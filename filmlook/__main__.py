"""`python -m filmlook`."""

import sys

from filmlook.cli import main

sys.exit(main())
