"""Archives without cells, beside pyribs 0.12, whose answers are in `pyribs_proximity.json` (written by `golden.py`)."""

import json
from pathlib import Path

import numpy as np
import pytest
import samara

GOLDEN = json.loads((Path(__file__).parent / "pyribs_proximity.json").read_text())


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_batches_have_the_status_novelty_and_elites_that_pyribs_gives_them(case):
    archive = samara.ProximityArchive(solution_dim=3, measure_dim=2, **case["settings"])
    for number, batch in enumerate(case["batches"]):
        added = archive.add(batch["solution"], batch["objective"], batch["measures"])
        assert added["status"].tolist() == batch["status"]
        compared = ["novelty", "local_competition", "value"] if archive.local_competition else ["novelty"]
        if number == 0:
            # Of an empty archive pyribs gives the threshold.
            compared.remove("novelty")
            assert np.isinf(added["novelty"]).all()
        for name in compared:
            np.testing.assert_allclose(added[name], batch[name], rtol=1e-9, err_msg=name)
    data = archive.data()
    for name in ("index", "objective", "measures", "solution"):
        np.testing.assert_allclose(data[name], case["data"][name], rtol=1e-12)
    for name, value in case["stats"].items():
        assert getattr(archive.stats, name) == pytest.approx(value, rel=1e-12)


def test_novelty_alone_needs_no_objective_and_competition_does():
    archive = samara.ProximityArchive(solution_dim=1, measure_dim=1, k_neighbors=1, novelty_threshold=1.0)
    told = archive.add_single([1.0], None, [0.0])
    assert told == {"status": 2, "value": np.finfo(float).max, "novelty": np.inf}
    assert archive.add([[2.0], [3.0]], None, [[0.5], [1.0]])["status"].tolist() == [0, 2]
    assert archive.compute_novelty([[0.75], [5.0]]).tolist() == [0.25, 4.0]
    competing = samara.ProximityArchive(
        solution_dim=1, measure_dim=1, k_neighbors=1, novelty_threshold=1.0, local_competition=True
    )
    with pytest.raises(ValueError, match="local competition needs one"):
        competing.add([[1.0]], None, [[0.0]])


def test_a_full_archive_lets_novel_ones_compete():
    archive = samara.ProximityArchive(
        solution_dim=1, measure_dim=1, k_neighbors=1, novelty_threshold=1.0, local_competition=True, capacity=2
    )
    archive.add([[0.0], [1.0]], [1.0, 1.0], [[0.0], [5.0]])
    told = archive.add([[2.0], [3.0]], [0.5, 2.0], [[9.0], [8.0]])
    assert told["status"].tolist() == [0, 1] and told["value"].tolist() == [-0.5, 1.0]
    assert len(archive) == 2 and archive.capacity == 2 and sorted(archive.data("solution")[:, 0]) == [0.0, 3.0]


def test_the_elite_of_measures_is_the_nearest_one_and_of_an_empty_archive_there_is_none():
    archive = samara.DominatedNoveltyArchive(solution_dim=(), dtype=object, measure_dim=2, capacity=3)
    with pytest.raises(ValueError, match="the archive is empty"):
        archive.retrieve([[0.0, 0.0]])
    archive.add(["a", "b"], [1.0, 2.0], [[0.0, 0.0], [3.0, 3.0]])
    occupied, data = archive.retrieve([[0.5, -1.0], [9.0, 9.0]])
    assert occupied.all() and data["solution"].tolist() == ["a", "b"]


def test_dominated_novelty_keeps_who_is_far_from_all_that_are_fitter():
    archive = samara.DNSArchive(solution_dim=1, measure_dim=1, capacity=3, k_neighbors=2)
    assert archive.add([[0], [1], [2]], [5, 4, 3], [[0], [1], [6]])["status"].tolist() == [2, 2, 2]
    # Worse than all and near the best, then worse than all and far from all.
    assert archive.add_single([3], 1.0, [0.25]) == {"status": 0, "value": 0.5}
    assert archive.add_single([4], 1.0, [-10.0]) == {"status": 1, "value": 10.5}
    assert sorted(archive.data("solution")[:, 0]) == [0.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"k_neighbors": 0, "novelty_threshold": 1.0}, "0 neighbours"),
        ({"k_neighbors": 3, "novelty_threshold": -1.0}, "the threshold of novelty is -1"),
        ({"k_neighbors": 3, "novelty_threshold": float("nan")}, "the threshold of novelty is NaN"),
        ({"k_neighbors": 3, "novelty_threshold": 1.0, "capacity": 1 << 20}, "an archive of 1048576 places"),
        ({"k_neighbors": 3, "novelty_threshold": 1.0, "ranges": [(0, 1)]}, "the length of measure_dim"),
    ],
)
def test_numbers_that_make_no_archive_are_refused(settings, why):
    with pytest.raises(ValueError, match=why):
        samara.ProximityArchive(solution_dim=1, measure_dim=2, **settings)


def test_a_picture_goes_as_far_as_the_elites_and_emitters_work_on_it():
    archive = samara.ProximityArchive(
        solution_dim=2, measure_dim=2, k_neighbors=3, novelty_threshold=0.05, local_competition=True, capacity=500
    )
    scheduler = samara.Scheduler(archive, [samara.GaussianEmitter(archive, sigma=0.3, x0=[0.0, 0.0], batch_size=20)])
    for _ in range(20):
        solutions = scheduler.ask()
        scheduler.tell(-(solutions**2).sum(axis=1), solutions)
    assert 20 < len(archive) <= 400
    assert "<svg" in archive._repr_html_() and f"{len(archive)} of 500 places" in repr(archive)
