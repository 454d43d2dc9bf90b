"""Writes `pyribs.json` and `pyribs_proximity.json`: what pyribs 0.12 answers to batches. Run with `pip install ribs==0.12.0`; tests need only the data."""

import json
from pathlib import Path

import numpy as np
from ribs.archives import GridArchive, ProximityArchive


def case(name, seed, **settings):
    rng = np.random.default_rng(seed)
    archive = GridArchive(solution_dim=3, dims=[5, 4], ranges=[(-1, 1), (0, 2)], **settings)
    batches = []
    for size in (1, 7, 40, 40, 200):
        solution, objective = rng.normal(size=(size, 3)), np.round(rng.normal(size=size), 1)
        # Off the edges of cells, where pyribs adds an epsilon.
        measures = rng.uniform([-1.2, -0.2], [1.2, 2.2], size=(size, 2))
        added = archive.add(solution, objective, measures)
        batch = {"solution": solution, "objective": objective, "measures": measures, **added}
        batches.append({key: value.tolist() for key, value in batch.items()})
    data, stats = archive.data(), archive.stats
    order = np.argsort(data["index"])
    fields = ("num_elites", "coverage", "qd_score", "norm_qd_score", "obj_max", "obj_mean")
    return {
        "name": name,
        "settings": settings,
        "batches": batches,
        "data": {key: value[order].tolist() for key, value in data.items()},
        "stats": {field: float(getattr(stats, field)) for field in fields},
    }


def proximity(name, seed, **settings):
    """Batches into an archive of whoever is novel."""
    rng = np.random.default_rng(seed)
    archive = ProximityArchive(solution_dim=3, measure_dim=2, **settings)
    batches = []
    for size in (1, 7, 40, 60):
        solution, objective = rng.normal(size=(size, 3)), np.round(rng.normal(size=size), 1)
        measures = rng.uniform([-1.2, -0.2], [1.2, 2.2], size=(size, 2))
        added = archive.add(solution, objective, measures)
        batch = {"solution": solution, "objective": objective, "measures": measures, **added}
        batches.append({key: value.tolist() for key, value in batch.items()})
    fields = ("num_elites", "qd_score", "obj_max", "obj_mean")
    return {
        "name": name,
        "settings": settings,
        "batches": batches,
        "data": {key: value.tolist() for key, value in archive.data().items()},
        "stats": {field: float(getattr(archive.stats, field)) for field in fields},
    }


cases = [
    case("plain", 1),
    case("offset", 2, qd_score_offset=-3.0),
    case("soft", 3, learning_rate=0.1, threshold_min=-1.0),
    case("soft, never moving", 4, learning_rate=0.0, threshold_min=0.0),
    case("soft, at once", 5, learning_rate=1.0, threshold_min=-0.5),
]
Path(__file__).with_name("pyribs.json").write_text(json.dumps(cases) + "\n")
novel = [
    proximity("novelty", 6, k_neighbors=5, novelty_threshold=0.25),
    proximity("one neighbour", 7, k_neighbors=1, novelty_threshold=0.1, qd_score_offset=-3.0),
    proximity("local competition", 8, k_neighbors=5, novelty_threshold=0.3, local_competition=True),
    proximity("many compete", 9, k_neighbors=15, novelty_threshold=1.0, local_competition=True),
]
Path(__file__).with_name("pyribs_proximity.json").write_text(json.dumps(novel) + "\n")
