"""Archives beside pyribs 0.12, whose answers are in `pyribs.json` (written by `golden.py`), and what only samara has."""

import json
from pathlib import Path

import numpy as np
import pytest
import samara

GOLDEN = json.loads((Path(__file__).parent / "pyribs.json").read_text())


def batches(case):
    for batch in case["batches"]:
        yield np.array(batch["solution"]), np.array(batch["objective"]), np.array(batch["measures"]), batch


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_batches_have_the_status_value_and_elites_that_pyribs_gives_them(case):
    archive = samara.GridArchive(solution_dim=3, dims=[5, 4], ranges=[(-1, 1), (0, 2)], **case["settings"])
    for solution, objective, measures, wanted in batches(case):
        added = archive.add(solution, objective, measures)
        assert added["status"].tolist() == wanted["status"]
        np.testing.assert_allclose(added["value"], wanted["value"], rtol=1e-12)
    data = archive.data()
    order = np.argsort(data["index"])
    for name in ("index", "objective", "measures", "solution", "threshold"):
        np.testing.assert_allclose(data[name][order], case["data"][name], rtol=1e-12)
    assert archive.stats.num_elites == case["stats"]["num_elites"]
    for name in ("coverage", "qd_score", "norm_qd_score", "obj_max", "obj_mean"):
        assert getattr(archive.stats, name) == pytest.approx(case["stats"][name], rel=1e-12)


def test_of_equals_in_a_batch_the_first_is_kept():
    archive = samara.GridArchive(solution_dim=1, dims=[1], ranges=[(0, 1)])
    archive.add([[1], [2], [3]], [1, 2, 2], [[0.5]] * 3)
    assert archive.data("solution").tolist() == [[2.0]]


def test_one_by_one_is_judged_by_what_came_before():
    archive = samara.GridArchive(solution_dim=1, dims=[1], ranges=[(0, 1)])
    told = [archive.add_single([i], objective, [0.5]) for i, objective in enumerate([1.0, 3.0, 2.0])]
    assert told == [{"status": 2, "value": 1.0}, {"status": 1, "value": 2.0}, {"status": 0, "value": -1.0}]
    assert archive.best_elite["solution"].tolist() == [1.0]


def test_a_batch_with_a_number_that_is_not_finite_adds_nothing():
    archive = samara.GridArchive(solution_dim=1, dims=[2], ranges=[(0, 1)])
    with pytest.raises(ValueError):
        archive.add([[1], [2]], [1, float("nan")], [[0.1], [0.9]])
    assert archive.empty and len(archive) == 0


def test_shapes_that_do_not_fit_are_refused():
    archive = samara.GridArchive(solution_dim=2, dims=[2], ranges=[(0, 1)])
    for solution, objective, measures in [([[1]], [1], [[0.1]]), ([[1, 2]], [1, 2], [[0.1]]), ([[1, 2]], [1], [[0.1, 0.2]])]:
        with pytest.raises(ValueError):
            archive.add(solution, objective, measures)


def test_texts_and_fields_are_kept_beside_their_elites():
    archive = samara.GridArchive(
        solution_dim=(), dtype=object, dims=[2], ranges=[(0, 1)], extra_fields={"score": ((2,), float), "by": ((), object)}
    )
    archive.add(["a", "b", "c"], [1, 2, 3], [[0.1], [0.2], [0.9]], score=[[1, 1], [2, 2], [3, 3]], by=["x", "y", "z"])
    data = archive.data()
    assert data["solution"].tolist() == ["b", "c"] and data["by"].tolist() == ["y", "z"]
    assert data["score"].tolist() == [[2, 2], [3, 3]]
    with pytest.raises(ValueError, match="missing"):
        archive.add(["a"], [1], [[0.1]], by=["x"])


def test_what_is_not_there_is_nan_or_none():
    archive = samara.TickArchive(solution_dim=1, ticks=[[0.0, 1.0]])
    archive.add_single([7], 1.0, [0.0])
    occupied, data = archive.retrieve([[0.5], [-3.0]])
    assert occupied.tolist() == [True, False] and data["index"].tolist() == [1, -1]
    assert np.isnan(data["objective"][1])


def test_samples_are_elites_and_the_same_for_the_same_seed():
    def sampled():
        archive = samara.CVTArchive(solution_dim=2, centroids=20, samples=500, ranges=[(0, 1)] * 2, seed=3)
        points = np.random.default_rng(0).random((100, 2))
        archive.add(points, points[:, 0], points)
        return archive, [archive.sample_elites(5)["index"].tolist(), archive.sample_elites(4, replace=False)["index"].tolist()]

    archive, indices = sampled()
    assert sampled()[1] == indices and len(set(indices[1])) == 4
    assert set(sum(indices, [])) <= set(archive.data("index").tolist())
    assert archive.centroids.shape == (20, 2)


def test_an_archive_is_shown_as_a_map():
    archive = samara.CategoricalArchive(solution_dim=1, categories=[["ode", "haiku"], ["sad", "glad"]])
    archive.add_single([1], 1.0, [1, 0])
    assert archive._repr_html_().startswith("<svg") and archive.data(return_type="tuple")[1].tolist() == [1.0]


def test_the_cqd_score_of_one_elite_at_its_target_is_its_objective_for_each_penalty():
    archive = samara.GridArchive(solution_dim=1, dims=[2], ranges=[(0, 1)])
    archive.add_single([1], 0.5, [0.25])
    told = archive.cqd_score(1, [[[0.25]]], 5, 0.0, 1.0, 1.0)
    assert told.mean == pytest.approx(2.5)
