#!/usr/bin/env python3
"""A conditional writer: `samara rl` and `samara rl evaluate` over several seeds.

    python3 benchmarks/rl.py [--seeds 3] [--evaluations 5000] [--iterations 40] [--samples 1024]
        [--terrains left_wall,right_wall,tunnel] [--out benchmarks/.policies] [--samara target/release/samara]

For each seed: a run of sodarace on flat ground, a policy from it, its evaluation. Everything is kept in the folder, and the
same command goes on with what is missing. Prints, for each condition and model, the mean over seeds with the least and the
greatest value, no seed left out; the cross table; and how long the learning took, with its CPU time.
"""

import argparse
import json
import resource
import subprocess
import time
from pathlib import Path

COLUMNS = ["best", "mean", "valid", "distinct", "copies"]


def samara(arguments, *words):
    subprocess.run([arguments.samara, *words, "--quiet"], check=True, stdout=subprocess.DEVNULL)


def learnt(folder, arguments, seed):
    """The evaluation of a seed, made if it is not there."""
    run, policy = folder / "run", folder / "policy"
    if not (policy / "evaluation.json").exists():
        if not run.exists():
            samara(arguments, "run", "sodarace", "--seed", str(seed), "--out", str(run), "--set",
                   f"search.total_steps={arguments.evaluations}")
        if not (policy / "report.json").exists():
            begun, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
            terrains = [word for name in arguments.terrains.split(",") for word in ("--terrain", name)]
            again = ["--resume"] if (policy / "rl.json").exists() else [
                str(run), *terrains, "--seed", str(seed), "--iterations", str(arguments.iterations)]
            samara(arguments, "rl", *again, "-o", str(policy))
            now = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
            print(f"seed {seed}: learnt in {time.monotonic() - begun:.0f} s, {cpu:.0f} s of CPU time, "
                  f"{now.ru_maxrss / 1024:.0f} MB at most")
        samara(arguments, "rl", "evaluate", str(policy), "--samples", str(arguments.samples))
    return json.loads((policy / "evaluation.json").read_text())


def told(values, digits=1):
    mean = sum(values) / len(values)
    return f"{mean:.{digits}f} [{min(values):.{digits}f}, {max(values):.{digits}f}]"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=5000)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--samples", type=int, default=1024)
    parser.add_argument("--terrains", default="left_wall,right_wall,tunnel")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/.policies"))
    parser.add_argument("--samara", default="target/release/samara")
    arguments = parser.parse_args()
    tables = [learnt(arguments.out / str(seed), arguments, seed) for seed in range(1, arguments.seeds + 1)]
    print(f"{'condition':<14} {'model':<12}" + "".join(f"{name:>26}" for name in COLUMNS))
    for place, row in enumerate(tables[0]["figures"]):
        rows = [table["figures"][place] for table in tables]
        cells = [told([one[name] for one in rows], 2 if name in ("valid", "copies") else 1) for name in COLUMNS]
        print(f"{row['condition']:<14} {row['model']:<12}" + "".join(f"{cell:>26}" for cell in cells))
    print("\nmean objective of the policy's programs for (rows) on (columns)")
    print(f"{'':<14}" + "".join(f"{name:>26}" for name in tables[0]["conditions"]))
    for place, row in enumerate(tables[0]["figures"]):
        if row["model"] == "policy":
            columns = zip(*(table["figures"][place]["across"] for table in tables))
            print(f"{row['condition']:<14}" + "".join(f"{told(list(column)):>26}" for column in columns))


if __name__ == "__main__":
    main()
