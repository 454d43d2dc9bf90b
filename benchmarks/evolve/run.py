#!/usr/bin/env python3
"""Runs systems that evolve programs on six tasks with one blind model. Python 3's standard library only.

    python3 benchmarks/evolve/run.py climber openevolve --seeds 0 1     # what is not there yet
    python3 benchmarks/evolve/run.py climber --tasks rugged --again     # once more, over the old result

Each run is one after another and leaves `results/SYSTEM-TASK-SEED.json`; what is there already is skipped. Next: report.py,
which makes the table and the curves of them.
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from systems import HERE, SYSTEMS, TASKS, Case

RESULTS = HERE / "results"
ALL_TASKS = ("circle_packing", "heilbronn", "rugged", "symbolic", "schedule", "maze")
# Peers must not use more threads than they are given, nor a key or proxy of whoever runs this.
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "OPENAI_API_KEY": "none"}
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")


class Model:
    """model.py in a process of its own, while a `with` block lasts; afterwards `seen` is what it reported."""

    def __init__(self, seed, *more):
        command = [sys.executable, HERE / "model.py", "--seed", seed, *more]
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
        self.address = f"http://127.0.0.1:{int(self.process.stdout.readline())}/v1"
        self.seen = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.seen = json.loads(self.process.stdout.read())
        self.process.wait()


def finished(command, case, limit_s):
    """Runs the command in a session of its own until it ends, has evaluated too much or is over the limit.

    Gives standard output, exit code (None if it was stopped), CPU and wall seconds and the largest process's memory in MB.
    """
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | QUIET
    began = time.monotonic()
    with open(case.folder / "stdout", "wb") as out, open(case.folder / "stderr", "wb") as err:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=out, stderr=err, cwd=case.folder, env=environment, start_new_session=True
        )
    stopped = False
    try:
        while True:
            found, status, usage = os.wait4(process.pid, os.WNOHANG)
            if found:
                break
            # The seed program's and one more than wanted: what comes later is not looked at.
            if not stopped and (len(case.recorded()) > case.evaluations + 1 or time.monotonic() - began > limit_s):
                os.killpg(process.pid, signal.SIGKILL)
                stopped = True
            time.sleep(0.2)
    finally:
        # Whatever the command left behind goes with it, also when this is interrupted.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "out": (case.folder / "stdout").read_text(errors="replace"),
        "err": (case.folder / "stderr").read_text(errors="replace"),
        "rc": None if stopped else process.returncode,
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "wall_s": round(time.monotonic() - began, 1),
        "peak_mb": round(usage.ru_maxrss / 1024, 1),
    }


def improvements(scores):
    """Pairs (evaluation, score) at which the best became better; evaluation 0 is the seed program's."""
    found = []
    for number, score in enumerate(scores):
        if not found or score > found[-1][1]:
            found.append((number, round(score, 6)))
    return found


def measure(system, task, seed, evaluations, limit_s):
    """One run's result, or the end of what it printed if it gave no scores."""
    how = SYSTEMS[system]
    with tempfile.TemporaryDirectory(prefix="evolve-") as folder:
        load = os.getloadavg()[0]
        if how.asks:
            with Model(seed, *how.model) as model:
                case = Case(task, seed, evaluations, model.address, folder)
                end = finished(how.command(case), case, limit_s)
            seen = model.seen
        else:
            case = Case(task, seed, evaluations, None, folder)
            end, seen = finished(how.command(case), case, limit_s), None
        failed = end["rc"] not in (0, None)
        scores = [] if failed else how.scores(case, end["out"])
        if not scores:
            raise RuntimeError(f"{system} on {task}: exit code {end['rc']}\n{end['out'][-2000:]}\n{end['err'][-2000:]}")
    kept = scores[: evaluations + 1]
    return {
        "system": system, "task": task, "seed": seed,
        "evaluations": len(kept) - 1, "evaluations_made": len(scores) - 1,
        "best": improvements(kept), "zeros": sum(score == 0 for score in kept),
        "cpu_s": end["cpu_s"], "wall_s": end["wall_s"], "peak_mb": end["peak_mb"], "rc": end["rc"],
        "model": seen, "load": round(load, 1),
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("systems", nargs="+", choices=SYSTEMS)
    parser.add_argument("--tasks", nargs="+", default=ALL_TASKS, choices=sorted(path.name for path in TASKS.iterdir()))
    parser.add_argument("--seeds", nargs="+", type=int, default=range(5))
    parser.add_argument("--evaluations", type=int, default=400)
    parser.add_argument("--limit-s", type=float, default=1200, help="wall seconds after which a run is stopped")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    parser.add_argument("--again", action="store_true", help="also what has a result already")
    options = parser.parse_args()
    options.results.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    failed = False
    for seed in options.seeds:
        for task in options.tasks:
            for system in options.systems:
                path = options.results / f"{system}-{task}-{seed}.json"
                if path.exists() and not options.again:
                    continue
                try:
                    result = measure(system, task, seed, options.evaluations, options.limit_s)
                except RuntimeError as error:
                    print(error, file=sys.stderr, flush=True)
                    failed = True
                    continue
                path.write_text(json.dumps(result) + "\n")
                print(f"{system:16} {task:16} {seed} {result['best'][-1][1]:.4f} after {result['evaluations']:4} "
                      f"{result['cpu_s']:8.1f} s CPU {result['wall_s']:7.1f} s {result['peak_mb']:7.0f} MB", flush=True)  # fmt: skip
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
