"""What the peers take for the same work, as JSON. Runs in benchmarks/.venv; run.py makes it and starts this.

CPU seconds of this process, best of several. Next: run.py.
"""

import json
import sys
import time

ROWS = 1_000_000


def cpu(work, times):
    """Least CPU seconds that `work(fresh())` took."""
    best = float("inf")
    for _ in range(times):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def pyribs():
    import numpy as np
    from ribs.archives import CVTArchive, GridArchive

    rng = np.random.default_rng(1)
    measures = rng.random((ROWS, 2))
    objective = rng.random(ROWS) * rng.random(ROWS)
    solution = np.zeros((ROWS, 1))
    ranges = [(0, 1), (0, 1)]

    def grid():
        return GridArchive(solution_dim=1, dims=[20, 20], ranges=ranges)

    def cvt(cells, samples):
        # The current releases take centroids; k-means is a helper beside the archive.
        return CVTArchive(solution_dim=1, centroids=centroids(cells, samples), ranges=ranges)

    def centroids(cells, samples):
        from ribs.archives import k_means_centroids

        found = k_means_centroids(centroids=cells, ranges=ranges, samples=samples, dtype=np.float64, seed=0)
        return found[0] if isinstance(found, tuple) else found

    def batch(archive, size):
        for start in range(0, ROWS, size):
            part = slice(start, start + size)
            archive.add(solution[part], objective[part], measures[part])

    def single(archive, count):
        for row in range(count):
            archive.add_single(solution[row], objective[row], measures[row])

    thousand = centroids(1000, 25_000)
    fresh = lambda: CVTArchive(solution_dim=1, centroids=thousand, ranges=ranges)  # noqa: E731
    return {
        "grid_20x20_single_per_s": 3000 / cpu(lambda: single(grid(), 3000), 3),
        "grid_20x20_batch1000_per_s": ROWS / cpu(lambda: batch(grid(), 1000), 3),
        "grid_20x20_batch1000000_per_s": ROWS / cpu(lambda: batch(grid(), ROWS), 3),
        "cvt_1000_single_per_s": 3000 / cpu(lambda: single(fresh(), 3000), 3),
        "cvt_1000_batch1000000_per_s": ROWS / cpu(lambda: batch(fresh(), ROWS), 3),
        "cvt_10000_of_100000_s": cpu(lambda: cvt(10_000, 100_000), 1),
    }


def openevolve(count=2000):
    """ProgramDatabase.sample and .add alone: no model, no evaluation, nothing written to disk."""
    import logging
    import random

    logging.disable(logging.CRITICAL)
    from openevolve.config import DatabaseConfig
    from openevolve.database import Program, ProgramDatabase

    rng = random.Random(0)

    def work():
        settings = DatabaseConfig(
            in_memory=True, feature_dimensions=["x", "y"], feature_bins=20, population_size=1000, random_seed=0
        )
        database = ProgramDatabase(settings)
        for number in range(count):
            if number:
                database.sample()
            metrics = {"combined_score": rng.random(), "x": rng.random(), "y": rng.random()}
            code = "".join(rng.choice("abcdef \n") for _ in range(200))
            database.add(Program(id=str(number), code=code, metrics=metrics), iteration=number)

    return {"ms_per_candidate": 1e3 * cpu(work, 2) / count, "candidates": count}


if __name__ == "__main__":
    result = {}
    for name, measure in (("ribs", pyribs), ("openevolve", openevolve)):
        try:
            from importlib.metadata import version

            result[name] = {"version": version(name), **measure()}
        except Exception as error:  # a peer that is missing or changed is reported, not hidden
            result[name] = {"error": f"{type(error).__name__}: {error}"}
    json.dump(result, sys.stdout)
