"""`python -m imageway.sdk.cli`."""

import sys

from imageway.sdk.cli import main

sys.exit(main())
