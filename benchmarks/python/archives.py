"""How fast archives take elites from numpy: `add` of batches and one by one, beside pyribs.

    pip install . 'ribs==0.12.0'; python benchmarks/python/archives.py

Both are given the same solutions, objectives and measures, in turns, and the CPU time of the process counts: the best of
several rounds each.
"""

import argparse
import time

import numpy as np
import ribs.archives
import samara

DIMS, CELLS, RANGES = 10, [20, 20], [(-1, 1), (-1, 1)]


def drawn(count, seed):
    rng = np.random.default_rng(seed)
    solution = rng.normal(size=(count, DIMS))
    return solution, -(solution**2).sum(axis=1), np.clip(solution[:, :2], -1, 1)


def cpu(work):
    begun = time.process_time()
    work()
    return time.process_time() - begun


def batches(archive, given):
    for one in given:
        archive.add(*one)


def single(archive, given):
    for solution, objective, measures in zip(*given, strict=True):
        archive.add_single(solution, objective, measures)


def compare(name, work, given, count, rounds):
    makers = {"pyribs": ribs.archives.GridArchive, "samara": samara.GridArchive}
    best = dict.fromkeys(makers, float("inf"))
    for _ in range(rounds):
        for who, make in makers.items():
            archive = make(solution_dim=DIMS, dims=CELLS, ranges=RANGES)
            best[who] = min(best[who], cpu(lambda archive=archive: work(archive, given)))
    rates = {who: count / seconds for who, seconds in best.items()}
    quotient = rates["samara"] / rates["pyribs"]
    print(f"{name:24} pyribs {rates['pyribs']:12,.0f}/s   samara {rates['samara']:12,.0f}/s   {quotient:6.1f} x")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    many = [drawn(10_000, seed) for seed in range(5)]
    compare("add, batches of 10,000", batches, many, 50_000, rounds)
    compare("add_single", single, drawn(2_000, 1), 2_000, rounds)


if __name__ == "__main__":
    main()
