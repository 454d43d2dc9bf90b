"""`python -m samara`: the command line."""

import sys

from samara._command import main

sys.exit(main())
