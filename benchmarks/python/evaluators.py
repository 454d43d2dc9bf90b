"""What a function of Python costs a candidate beside its own time, for each kind of isolation: a call of a function that
does nothing (wall and CPU time, a child's too), and a candidate of a whole run under it (wall time).

    pip install .; python benchmarks/python/evaluators.py
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import samara

REQUEST = json.dumps({"several": False, "axes": [], "program": "/tmp/candidate/program.py", "stage": "first"})


def nothing(text):
    return 1.0


async def nothing_async(text):
    return 1.0


def call(rated, count):
    """Wall and CPU seconds of a call from Python: everything but the engine's way to it."""
    spent = []
    # What starting a child takes is in both, and so in neither's difference.
    for calls in (1, count + 1):
        cpu, caller = sum(os.times()[:4]), rated.caller()
        begun = time.perf_counter()
        for seed in range(calls):
            caller(REQUEST, {"program.py": "x = 1\n"}, seed, 60.0, 1 << 20)
        wall = time.perf_counter() - begun
        caller.close()
        spent.append((wall, sum(os.times()[:4]) - cpu))
    return [(whole - start) / count for start, whole in zip(*spent, strict=True)]


def whole(rated, count):
    """Seconds of a candidate of a run, from its plan to the journal, one after the other."""
    settings = {"search.window": 1, "search.concurrency": 1, "search.total_steps": count}
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        samara.evolve("x = 1.0\ny = 2.0\n", rated, seed=1, set=settings, out=Path(folder) / "run")
        return (time.perf_counter() - begun) / count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=2000)
    count = parser.parse_args().candidates
    kinds = {"thread": ("thread", nothing), "event loop": ("thread", nothing_async), "process": ("process", nothing)}
    for name, (isolate, function) in kinds.items():
        rated = samara.evaluator(isolate=isolate)(function)
        wall, cpu = call(rated, count)
        run = whole(rated, count)
        print(f"{name:12} a call {wall * 1e3:6.3f} ms, CPU {cpu * 1e3:6.3f} ms   a candidate of a run {run * 1e3:6.3f} ms")


if __name__ == "__main__":
    main()
