"""Programs run the way OpenELM's sandbox runs them, written from its description: `pool_peer.py PROGRAMS SECONDS [MODULE ...]`.

A multiprocessing.Pool is made for every batch. A worker takes the dangerous functions out of os, shutil, subprocess and
builtins, captures output, sets a timer, executes the program's text and sends the value back pickled. Nothing isolates
the programs of a batch from each other or from the machine. The modules are imported first: a pool forks whatever its parent
holds, and OpenELM's holds torch and transformers. Prints figures as JSON; sandbox.py starts this.
"""

import builtins
import contextlib
import functools
import importlib
import io
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

BATCHES = (2, 7, 28, 140)
PROCESSES = (2, 12)  # 12 is OpenELM's default
TIMEOUT = 5.0
TAKEN_AWAY = {
    builtins: ("exit", "quit"),
    os: (
        "kill", "killpg", "system", "putenv", "remove", "removedirs", "rmdir", "fchdir", "setuid", "fork", "forkpty",
        "rename", "renames", "truncate", "replace", "unlink", "fchmod", "fchown", "chmod", "chown", "chroot",
        "lchown", "getcwd", "chdir",
    ),
    shutil: ("rmtree", "move", "chown"),
    subprocess: ("Popen",),
}


def late(number, frame):
    raise TimeoutError("the program took too long")


def guard():
    if os.putenv is not None:  # a worker runs several programs
        os.environ["OMP_NUM_THREADS"] = "1"
    for module, names in TAKEN_AWAY.items():
        for name in names:
            setattr(module, name, None)


def run(program, timeout):
    """In a worker: the program's value, or what went wrong."""
    guard()
    said = io.StringIO()
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, timeout)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            names = {}
            exec(program["source"], names)
            return names[program["entry"]]()
    except BaseException as error:
        return repr(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def batch(programs, processes):
    values = []
    with multiprocessing.Pool(processes) as pool:
        found = pool.imap(functools.partial(run, timeout=TIMEOUT), programs)
        for _ in programs:
            try:
                values.append(found.next(timeout=TIMEOUT))
            except multiprocessing.TimeoutError as error:
                values.append(repr(error))
    return values


def cpu():
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def measure(programs, size, processes, seconds):
    todo = [programs[number % len(programs)] for number in range(size)]
    expected = [program["expected"] for program in todo]
    before, begin, done = cpu(), time.monotonic(), 0
    while time.monotonic() - begin < seconds:
        if batch(todo, processes) != expected:
            sys.exit("a program gave another value")
        done += size
    return {
        "batch": size,
        "processes": processes,
        "programs": done,
        "wall_s": time.monotonic() - begin,
        "cpu_s": cpu() - before,
    }


def main():
    with open(sys.argv[1]) as file:
        programs = json.load(file)
    seconds = float(sys.argv[2])
    for module in sys.argv[3:]:
        importlib.import_module(module)
    multiprocessing.set_start_method("fork")  # what it uses, and the fastest
    found = [measure(programs, size, processes, seconds) for processes in PROCESSES for size in BATCHES]
    print(json.dumps({"python": sys.version.split()[0], "batches": found}))


if __name__ == "__main__":
    main()
