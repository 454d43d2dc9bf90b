"""A child interpreter that evaluates: it is given a pickled function once, then one candidate after another."""

from __future__ import annotations

import json
import pickle
import random
import signal
import sys
from multiprocessing.connection import Connection

from samara import _answers


def end_with_parent(descriptor: int) -> None:
    """Ends this process when the other end of a socket that nothing is ever sent on goes, also in the middle of an
    evaluation: the kernel sends SIGIO, which ends whoever does not handle it."""
    import fcntl
    import os

    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)


def main() -> None:
    """Serves the parent until it goes."""
    connection, life = Connection(int(sys.argv[1])), int(sys.argv[2])
    end_with_parent(life)
    # Ctrl-C is the parent's: it lets what is alive come to its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        # What was printed before a crash would be lost in a buffer.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    try:
        function, seeded = pickle.loads(connection.recv_bytes())
        function = pickle.loads(function)
        connection.send_bytes(b"")
    except EOFError:
        return
    except BaseException as error:
        connection.send_bytes(f"{type(error).__name__}: {error}".encode("utf-8", "replace"))
        return
    while True:
        try:
            request, files, seed = pickle.loads(connection.recv_bytes())
        except EOFError:
            return
        random.seed(seed)
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            numpy.random.seed(seed & 0xFFFFFFFF)
        asked = json.loads(request)
        told = _answers.answer(function, _answers.arguments(asked, files, seed, seeded), asked["axes"])
        sys.stdout.flush()
        sys.stderr.flush()
        connection.send_bytes(told.encode())
