"""pyribs on the 100-dimensional sphere of CMA-ME: `peer.py ALGORITHM GENERATIONS SEED`, one line of JSON.

15 emitters of 36 candidates each fill a grid of 100 x 100, as in pyribs' own example of the sphere. CPU seconds are the
process's, less what the function itself costs and the first generations, in which pyribs compiles.
"""

import json
import sys
import time

import numpy as np
from ribs.archives import GridArchive
from ribs.emitters import EvolutionStrategyEmitter, GaussianEmitter, IsoLineEmitter
from ribs.schedulers import Scheduler

DIMS, CELLS, EMITTERS, BATCH = 100, 100, 15, 36
WARM = 3
HALF = 5.12
SHIFT = 0.4 * HALF


def archive(seed, **soft):
    end = DIMS / 2 * HALF
    return GridArchive(solution_dim=DIMS, dims=(CELLS, CELLS), ranges=[(-end, end)] * 2, seed=seed, **soft)


def emitter(algorithm, target, seed):
    start = np.zeros(DIMS)
    if algorithm == "map_elites":
        return GaussianEmitter(target, sigma=0.5, x0=start, batch_size=BATCH, seed=seed)
    if algorithm == "line":
        return IsoLineEmitter(target, iso_sigma=0.1, line_sigma=0.2, x0=start, batch_size=BATCH, seed=seed)
    settings = {
        "cma_me": {"ranker": "2imp", "restart_rule": "no_improvement", "selection_rule": "filter"},
        "cma_mae": {"ranker": "imp", "restart_rule": "basic", "selection_rule": "mu"},
        "sep": {"ranker": "2imp", "restart_rule": "no_improvement", "selection_rule": "filter", "es": "sep_cma_es"},
    }[algorithm]
    return EvolutionStrategyEmitter(target, x0=start, sigma0=0.5, batch_size=BATCH, seed=seed, **settings)


def sphere(vectors):
    worst = (HALF + SHIFT) ** 2 * DIMS
    raw = np.sum(np.square(vectors - SHIFT), axis=1)
    counted = vectors.copy()
    outside = np.abs(vectors) > HALF
    counted[outside] = HALF / counted[outside]
    measures = np.stack([counted[:, : DIMS // 2].sum(1), counted[:, DIMS // 2 :].sum(1)], axis=1)
    return (worst - raw) / worst * 100, measures


def main():
    algorithm, generations, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    soft = algorithm == "cma_mae"
    target = archive(seed, learning_rate=0.01, threshold_min=0.0) if soft else archive(seed)
    found = archive(seed) if soft else None
    emitters = [emitter(algorithm, target, seed * 1000 + i) for i in range(EMITTERS)]
    scheduler = Scheduler(target, emitters, result_archive=found)
    begun, evaluating = time.process_time(), 0.0
    for generation in range(generations):
        if generation == WARM:
            begun, evaluating = time.process_time(), 0.0
        vectors = scheduler.ask()
        before = time.process_time()
        objectives, measures = sphere(vectors)
        evaluating += time.process_time() - before
        scheduler.tell(objectives, measures)
    seconds = time.process_time() - begun - evaluating
    stats = (found or target).stats
    print(
        json.dumps(
            {
                "system": "pyribs",
                "algorithm": algorithm,
                "generations": generations,
                "seed": seed,
                "per_cpu_s": round((generations - WARM) * EMITTERS * BATCH / seconds),
                "qd_score": round(float(stats.qd_score), 1),
                "coverage": round(float(stats.coverage), 4),
            }
        )
    )


main()
