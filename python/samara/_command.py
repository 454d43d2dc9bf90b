"""The console script `samara`: the command line that the binary has, carried by the wheel."""

import signal
import sys

from samara import _samara


def main() -> int:
    """Does what the arguments say, and returns the code to exit with."""
    # The command line listens to Ctrl-C itself; Python's handler would wait for Rust to return.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _samara.main(["samara", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
