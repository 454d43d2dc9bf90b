"""Ask and tell."""

import numpy as np
import pytest
import samara


def search(**more):
    archive = samara.GridArchive(solution_dim=3, dims=[10, 10], ranges=[(-1, 1)] * 2)
    operators = [samara.Gaussian(0.2), samara.IsoLine()]
    return samara.Search(archive, operators=operators, initial=np.zeros(3), **{"seed": 4, "window": 16, **more})


def evaluated(solution):
    return -(solution**2).sum(axis=1), solution[:, :2]


def finished(order, parts):
    found = search()
    rng = np.random.default_rng(order)
    while found.num_settled < 320:
        batch = found.ask(16)
        for part in np.array_split(rng.permutation(len(batch.id)), parts):
            found.tell(batch.id[part], *evaluated(batch.solution[part]))
    return found


def test_the_digest_is_the_same_whatever_the_order_and_the_parts():
    first = finished(1, 1)
    assert {finished(2, 3).digest(), finished(3, 16).digest()} == {first.digest()}
    assert first.archive.digest() == first.digest() and len(first.archive) > 10


def test_nothing_settles_before_its_turn():
    found = search()
    batch = found.ask(2)
    objective, measures = evaluated(batch.solution)
    assert len(found.tell(int(batch.id[1]), objective[1], measures[1]).id) == 0
    assert found.outstanding.tolist() == [0]
    assert found.tell(0, objective[0], measures[0]).id.tolist() == [0, 1]


def test_the_window_bounds_what_is_out():
    found = search(window=4)
    assert len(found.ask(3).id) == 3 and len(found.ask(3).id) == 1 and len(found.ask(3).id) == 0
    with pytest.raises(ValueError, match="window=5"):
        found.ask(5)


def test_what_was_not_asked_for_or_is_told_twice_is_refused_and_nothing_is_told():
    found = search()
    found.ask(2)
    for ids in ([0, 7], [0, 0]):
        with pytest.raises(ValueError, match="not asked for"):
            found.tell(ids, [0.0, 0.0], [[0, 0], [0, 0]])
    assert found.num_settled == 0


def test_a_failure_and_a_number_that_is_not_finite_end_no_search():
    found = search()
    batch = found.ask(3)
    found.fail(batch.id[0], "it crashed")
    told = found.tell(batch.id[1:], [float("nan"), 0.0], [[0, 0], [0.5, 0.5]])
    assert told.id.tolist() == [1, 2] and told.status.tolist() == [0, 2]


def test_bounds_are_kept():
    found = search(bounds=(-0.1, 0.1))
    for _ in range(20):
        batch = found.ask(16)
        assert np.abs(batch.solution).max() <= 0.1
        found.tell(batch.id, *evaluated(batch.solution))
