"""What all measurements share: finished children, and a report of figures beside their targets."""

import os
import pathlib
import subprocess
import sys
import time
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent


class Child:
    """A finished child: its output, wall and CPU seconds, and largest resident memory in MB."""

    def __init__(self, command, **more):
        self.began = time.monotonic()
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, cwd=ROOT, **more)
        self.out = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        self.wall = time.monotonic() - self.began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(map(str, command))}: exit code {process.returncode}\n{self.out}")
        self.cpu = usage.ru_utime + usage.ru_stime
        self.mb = usage.ru_maxrss / 1024


class Report:
    """Figures by name, and the targets that were missed."""

    def __init__(self):
        self.figures, self.missed = {}, []

    def add(self, name, value, unit, at_least=None, at_most=None):
        self.figures[name] = value
        verdict = ""
        if at_least is not None or at_most is not None:
            good = value >= at_least if at_least is not None else value <= at_most
            target = f">= {at_least:g}" if at_least is not None else f"<= {at_most:g}"
            verdict = f"   target {target}: {'met' if good else 'MISSED'}"
            if not good:
                self.missed.append(name)
        print(f"{name:44} {value:14,.3f} {unit}{verdict}", flush=True)


def environment():
    """The Python of benchmarks/.venv, which is made if it is not there."""
    home = HERE / ".venv"
    python = home / "bin/python"
    if not python.exists():
        venv.create(home, with_pip=True)
    return python
