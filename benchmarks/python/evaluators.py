"""What a function of Python costs a candidate beside its own time: the wall time of a run under a function that does
nothing, for each kind of isolation, less that of the same run where nothing is evaluated.

    pip install .; python benchmarks/python/evaluators.py
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import samara
from samara import _callers

REQUEST = json.dumps({"several": False, "axes": [], "program": "/tmp/candidate/program.py", "stage": "first"})


def nothing(text):
    return 1.0


async def nothing_async(text):
    return 1.0


def call(caller, count):
    """Seconds of a call from Python: everything but the engine's way to it."""
    caller(REQUEST, {"program.py": "x = 1\n"}, 1, 60.0, 1 << 20)
    begun = time.perf_counter()
    for seed in range(count):
        caller(REQUEST, {"program.py": "x = 1\n"}, seed, 60.0, 1 << 20)
    return (time.perf_counter() - begun) / count


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
        caller: _callers.Threads = rated.caller()
        alone = call(caller, count)
        caller.close()
        print(f"{name:12} {alone * 1e3:6.3f} ms a call   {whole(rated, count) * 1e3:6.3f} ms a candidate of a run")


if __name__ == "__main__":
    main()
