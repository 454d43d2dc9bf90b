"""Emitters beside pyribs: `run.py --generations 1000 --seeds 10 --python VENV/bin/python`.

Runs what is missing in results.jsonl, one process after the other, and prints speed, QD scores and the Welch interval of
their difference. `--report` prints alone. Needs a release build: `cargo build --release -p samara-qd --example emitters`.
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results.jsonl"
EXAMPLE = HERE.parent.parent / "target/release/examples/emitters"
ALGORITHMS = ["map_elites", "line", "cma_me", "cma_mae"]


def density(x, freedom):
    """Student's t."""
    scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(freedom * math.pi) / 2
    return math.exp(scale - (freedom + 1) / 2 * math.log1p(x * x / freedom))


def quantile(freedom):
    """The t that 2.5 % lie above: Simpson's rule from 0, and bisection."""

    def above(t, steps=2000):
        width = t / steps
        total = density(0, freedom) + density(t, freedom)
        total += sum((4 if i % 2 else 2) * density(i * width, freedom) for i in range(1, steps))
        return 0.5 - total * width / 3

    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if above(middle) > 0.025 else (low, middle)
    return high


def welch(ours, theirs):
    """The 95 % interval of the difference of two means."""
    parts = [statistics.variance(scores) / len(scores) for scores in (ours, theirs)]
    spread = sum(parts)
    freedom = spread**2 / sum(p**2 / (len(s) - 1) for p, s in zip(parts, (ours, theirs)))
    difference = statistics.mean(ours) - statistics.mean(theirs)
    reach = quantile(freedom) * math.sqrt(spread)
    return difference - reach, difference + reach


def read():
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text().splitlines()]


def measure(arguments):
    done = {(r["system"], r["algorithm"], r["generations"], r["seed"]) for r in read()}
    one_thread = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    for seed in range(1, arguments.seeds + 1):
        for algorithm in ALGORITHMS:
            numbers = [algorithm, str(arguments.generations), str(seed)]
            commands = {
                "samara": [EXAMPLE, *numbers],
                "samara-batch": [EXAMPLE, *numbers, "batch"],
                "pyribs": [arguments.python, HERE / "peer.py", *numbers],
            }
            if algorithm in ("map_elites", "line"):
                # The best of a generation has its cell either way, and nobody learns from the rest.
                del commands["samara-batch"]
            for system, command in commands.items():
                if (system, algorithm, arguments.generations, seed) in done or arguments.only not in (None, system):
                    continue
                told = subprocess.run(
                    command, env=os.environ | one_thread, check=True, capture_output=True, text=True
                )
                with RESULTS.open("a") as results:
                    results.write(told.stdout)


def report(generations):
    print("| | judged | evaluations per CPU second | pyribs | ratio | QD score | pyribs | difference in % of pyribs' mean, 95 % | seeds |")
    print("|---|---|---|---|---|---|---|---|---|")
    rows = [row for row in read() if row["generations"] == generations]
    for algorithm in ALGORITHMS:
        for system, judged in (("samara", "one by one"), ("samara-batch", "together")):
            ours, theirs = (
                [row for row in rows if (row["algorithm"], row["system"]) == (algorithm, side)]
                for side in (system, "pyribs")
            )
            if min(len(ours), len(theirs)) < 2:
                continue
            speed = [statistics.median(row["per_cpu_s"] for row in side) for side in (ours, theirs)]
            scores = [[row["qd_score"] for row in side] for side in (ours, theirs)]
            means = [statistics.mean(side) for side in scores]
            low, high = (100 * end / means[1] for end in welch(*scores))
            print(
                f"| {algorithm} | {judged} | {speed[0]:,.0f} | {speed[1]:,.0f} | {speed[0] / speed[1]:.2f} "
                f"| {means[0]:,.0f} | {means[1]:,.0f} | {low:+.2f} to {high:+.2f} | {len(ours)} and {len(theirs)} |"
            )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--generations", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--python", default="python3", help="an interpreter that has ribs")
    parser.add_argument("--only", choices=["samara", "samara-batch", "pyribs"])
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    if not arguments.report:
        measure(arguments)
    report(arguments.generations)


main()
