#!/usr/bin/env python3
"""Finetuning on what was evolved: `samara loop sodarace` over several seeds, beside the same without.

    python3 benchmarks/loop.py [--seeds 3] [--rounds 3] [--evaluations 1000] [--out benchmarks/.loops] [--samara target/release/samara]

Everything is kept in the folder, and the same command goes on with it. Prints, for each run and round, the mean over
seeds with the least and the greatest value, and whether the loop is above both others at the end for every seed.
"""

import argparse
import json
import subprocess
from pathlib import Path

COLUMNS = ["cells", "qd_score", "best", "mean", "valid", "copies"]


def table(folder, arguments):
    command = [arguments.samara, "loop", "sodarace", "--rounds", str(arguments.rounds), "--evaluations",
               str(arguments.evaluations), "--seed", str(folder.name), "-o", str(folder), "--quiet", "--format", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/.loops"))
    parser.add_argument("--samara", default="target/release/samara")
    arguments = parser.parse_args()
    tables = [table(arguments.out / str(seed), arguments) for seed in range(arguments.seeds)]
    print("run    round  " + "  ".join(f"{name:>26}" for name in COLUMNS))
    last = {}
    for place, run in enumerate(tables[0]["runs"]):
        for number in range(arguments.rounds):
            rounds = [of["runs"][place]["rounds"][number] for of in tables]
            cells = []
            for name in COLUMNS:
                values = [one[name] for one in rounds]
                mean = sum(values) / len(values)
                cells.append(f"{mean:10.3f} [{min(values):.2f}, {max(values):.2f}]".rjust(26))
            print(f"{run['name']:<6} {number + 1:>5}  " + "  ".join(cells))
            last[run["name"]] = [one["qd_score"] for one in rounds]
    for other in ["plain", "fresh"]:
        above = min(last["loop"]) > max(last[other])
        print(f"QD score at the end: every loop is {'' if above else 'NOT '}above every {other}")


if __name__ == "__main__":
    main()
