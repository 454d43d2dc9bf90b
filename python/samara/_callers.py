"""What calls a function for the engine: in threads, on one event loop, or in child interpreters."""

from __future__ import annotations

import json
import os
import pickle
import platform
import queue
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from samara import _answers
from samara.errors import SamaraError

#: How an evaluation ended, what is to be said of that, and what was printed to both streams.
Ended = tuple[str, str, str, str]

_LATE: Ended = ("late", "", "", "")


def _told(kind: str) -> str:
    return f"{kind}, Python {platform.python_version()}"


class _Late(BaseException):
    """Raised in a thread whose function is late."""


class _Worker:
    """A thread that evaluates one candidate after another."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        self._asked: queue.SimpleQueue[tuple[tuple[Any, ...], list[str]] | None] = queue.SimpleQueue()
        self._answered: queue.SimpleQueue[str] = queue.SimpleQueue()
        # A function that never returns must not keep Python from ending.
        self._thread = threading.Thread(target=self._serve, name="samara evaluator", daemon=True)
        self._thread.start()

    def evaluate(self, given: tuple[Any, ...], axes: list[str], seconds: float) -> str | None:
        """What came of it, as JSON; ``None`` if it is late."""
        self._asked.put((given, axes))
        try:
            return self._answered.get(timeout=min(seconds, threading.TIMEOUT_MAX))
        except queue.Empty:
            return None

    def leave(self) -> None:
        """Leaves a late function behind, and ends it as soon as it runs Python again."""
        import ctypes

        identity = ctypes.c_ulong(self._thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(_Late))
        self.end()

    def end(self) -> None:
        """Lets the thread end when it has nothing to do."""
        self._asked.put(None)

    def _serve(self) -> None:
        try:
            while (asked := self._asked.get()) is not None:
                self._answered.put(_answers.answer(self._function, *asked))
        except _Late:
            pass


class Threads:
    """Calls a function in threads of this process."""

    def __init__(self, function: Callable[..., object]) -> None:
        """Threads are started when they are needed."""
        self.isolation = _told("thread")
        self._function, self._seeded = function, _answers.takes_seed(function)
        self._idle: list[_Worker] = []

    def __call__(self, request: str, files: dict[str, str], seed: int, seconds: float, output: int) -> Ended:
        """Evaluates a candidate. What it prints goes where this process prints."""
        asked = json.loads(request)
        given = _answers.arguments(asked, files, seed, self._seeded)
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = _Worker(self._function)
        told = worker.evaluate(given, asked["axes"], seconds)
        if told is None:
            worker.leave()
            return _LATE
        self._idle.append(worker)
        return ("returned", told, "", "")

    def close(self) -> None:
        """Ends the threads that have nothing to do."""
        while self._idle:
            self._idle.pop().end()


class Loop:
    """Calls a coroutine function on one event loop, which all candidates share."""

    def __init__(self, function: Callable[..., Awaitable[object]]) -> None:
        """The loop runs in a thread of its own."""
        import asyncio

        self.isolation = _told("event loop")
        self._function, self._seeded = function, _answers.takes_seed(function)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._serve, name="samara evaluators", daemon=True).start()

    def __call__(self, request: str, files: dict[str, str], seed: int, seconds: float, output: int) -> Ended:
        """Evaluates a candidate. What it prints goes where this process prints."""
        import asyncio

        asked = json.loads(request)
        given = _answers.arguments(asked, files, seed, self._seeded)
        coroutine = _answers.answer_async(self._function, given, asked["axes"])
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return ("returned", future.result(min(seconds, threading.TIMEOUT_MAX)), "", "")
        except TimeoutError:
            future.cancel()
            return _LATE

    def close(self) -> None:
        """Ends the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _serve(self) -> None:
        self._loop.run_forever()
        self._loop.close()


class _Child:
    """A child interpreter that evaluates one candidate after another."""

    def __init__(self, start: bytes) -> None:
        import fcntl
        import socket
        import tempfile
        from multiprocessing.connection import Connection

        ours, theirs = socket.socketpair()
        life, end = socket.socketpair()
        self._streams = [tempfile.TemporaryFile(buffering=0) for _ in range(2)]
        for stream in self._streams:
            # What is printed goes to the end, also after what was read has been cut off.
            fcntl.fcntl(stream, fcntl.F_SETFL, fcntl.fcntl(stream, fcntl.F_GETFL) | os.O_APPEND)
        told = json.dumps([path for path in sys.path if path])
        code = f"import json, sys; sys.path[:0] = [one for one in json.loads({told!r}) if one not in sys.path]"
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"{code}; from samara._child import main; main()", str(theirs.fileno()), str(end.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=self._streams[0],
            stderr=self._streams[1],
            pass_fds=[theirs.fileno(), end.fileno()],
            # A Ctrl-C is for this process alone, and a late evaluation ends with all that it has started.
            process_group=0,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        theirs.close()
        end.close()
        self._life = life
        self._connection = Connection(ours.detach())
        self._is_ready = False
        self._connection.send_bytes(start)

    def ready(self) -> None:
        """Waits until it has read the function."""
        try:
            why = self._connection.recv_bytes().decode()
        except (EOFError, ConnectionError):
            _, printed = self._printed(10_000)
            why = printed.strip().rpartition("\n")[2] or "it ended"
        if why:
            self.kill()
            hint = "import what the function needs from modules that a fresh interpreter finds, or isolate='thread'"
            raise SamaraError(f"the function can't be read in a child interpreter: {why}\nhint: {hint}", 2)
        self._is_ready = True

    def evaluate(self, request: str, files: dict[str, str], seed: int, seconds: float, output: int) -> tuple[bool, Ended]:
        """How an evaluation ended, and whether the child can go on."""
        if not self._is_ready:
            self.ready()
        try:
            self._connection.send_bytes(pickle.dumps((request, files, seed)))
            if not self._connection.poll(seconds):
                self.kill()
                return False, ("late", "", *self._printed(output))
            told = self._connection.recv_bytes().decode()
        except (EOFError, ConnectionError):
            code = self._process.wait()
            self.kill()
            ended = ("crashed", str(-code)) if code < 0 else ("exited", str(code))
            return False, (*ended, *self._printed(output))
        return True, ("returned", told, *self._printed(output))

    def kill(self) -> None:
        """Ends the child, and all that it has started."""
        import signal

        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._connection.close()
        self._life.close()

    def _printed(self, output: int) -> tuple[str, str]:
        """What was printed since it was asked for last, the beginning of it."""
        texts = []
        for stream in self._streams:
            size = os.fstat(stream.fileno()).st_size
            text = b""
            if size:
                text = os.pread(stream.fileno(), min(size, output), 0)
                os.ftruncate(stream.fileno(), 0)
            texts.append(text.decode("utf-8", "replace"))
        return texts[0], texts[1]


class Children:
    """Calls a function in child interpreters: a crash ends one of them, and no more than one candidate."""

    def __init__(self, function: Callable[..., object], pickled: bytes) -> None:
        """Starts the first child; others are started when they are needed."""
        if sys.platform == "win32":
            raise SamaraError("child interpreters need a Unix system\nhint: @samara.evaluator(isolate='thread')", 2)
        self.isolation = _told("process")
        self._start = pickle.dumps((pickled, _answers.takes_seed(function)))
        self._lock = threading.Lock()
        self._all: set[_Child] = set()
        self._idle: list[_Child] = []
        first = self._started()
        first.ready()
        self._idle.append(first)

    def __call__(self, request: str, files: dict[str, str], seed: int, seconds: float, output: int) -> Ended:
        """Evaluates a candidate."""
        try:
            child = self._idle.pop()
        except IndexError:
            child = self._started()
        goes_on, ended = child.evaluate(request, files, seed, seconds, output)
        if goes_on:
            self._idle.append(child)
        else:
            with self._lock:
                self._all.discard(child)
        return ended

    def close(self) -> None:
        """Ends all children, also those that evaluate."""
        with self._lock:
            children, self._all = self._all, set()
        self._idle.clear()
        for child in children:
            child.kill()

    def _started(self) -> _Child:
        child = _Child(self._start)
        with self._lock:
            self._all.add(child)
        return child
