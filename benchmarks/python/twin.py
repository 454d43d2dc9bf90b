"""A run of 10,000 candidates under a function of Python and the command line's run under an evaluator's file that says the
same: their digests must be equal.

    pip install .; python benchmarks/python/twin.py

Both vary programs without a model. It prints the digests and the seconds of each run by the wall, and ends with 1 if the
digests differ. The command line's run needs the sandbox of evaluators.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import samara

INITIAL = "x = 3.0\ny = -2.0\nz = 0.5\n"
FILE = """
def evaluate(program_path):
    values = {}
    exec(open(program_path).read(), values)
    x, y, z = (float(values[name]) for name in "xyz")
    return {"combined_score": -(x * x + y * y + (z - x * y) ** 2), "x": x}
"""
SETTINGS = {"search.window": 16, "search.concurrency": 16}


def rate(text):
    values = {}
    exec(text, values)
    x, y, z = (float(values[name]) for name in "xyz")
    return {"combined_score": -(x * x + y * y + (z - x * y) ** 2), "x": x}


def of_python(isolate, count, folder):
    rated = samara.evaluator(isolate=isolate)(rate)
    return samara.evolve(INITIAL, rated, iterations=count - 1, seed=5, set=SETTINGS, out=folder / isolate)


def of_the_command_line(count, folder):
    (folder / "program.py").write_text(INITIAL)
    (folder / "evaluator.py").write_text(FILE)
    changes = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    arguments = ["evolve", "program.py", "evaluator.py", "-i", str(count - 1), "--seed", "5", "--quiet", "--out", "run"]
    subprocess.run([sys.executable, "-m", "samara", *arguments, *changes], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return samara.open(folder / "run")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=10_000)
    count = parser.parse_args().candidates
    digests = set()
    with tempfile.TemporaryDirectory() as place:
        # Evaluators run as another user, who must find the folder.
        os.chmod(place, 0o755)
        folder = Path(place)
        ways = {
            "a function in threads": lambda: of_python("thread", count, folder),
            "a function in processes": lambda: of_python("process", count, folder),
            "the command line": lambda: of_the_command_line(count, folder),
        }
        for name, way in ways.items():
            begun = time.perf_counter()
            run = way()
            seconds = time.perf_counter() - begun
            print(f"{name:24} {run.summary['candidates']:6} candidates  {run.digest}  {seconds:6.1f} s", flush=True)
            digests.add(run.digest)
    sys.exit(len(digests) != 1)


if __name__ == "__main__":
    main()
