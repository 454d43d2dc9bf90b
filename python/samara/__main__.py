"""`python -m samara`: the command line."""

import sys

from samara._command import main

if __name__ == "__main__":
    sys.exit(main())
