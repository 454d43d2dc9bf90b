"""Ask and tell."""

import numpy as np
import pytest
import samara


def search(**more):
    archive = samara.GridArchive(solution_dim=3, dims=[10, 10], ranges=[(-1, 1)] * 2)
    emitters = [samara.Gaussian(0.2), samara.IsoLine()]
    return samara.Search(archive, **{"emitters": emitters, "initial": np.zeros(3), "seed": 4, "window": 16, **more})


def evaluated(solution):
    return -(solution**2).sum(axis=1), solution[:, :2]


def finished(order, parts, **more):
    found = search(**more)
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


def test_bounds_may_differ_from_number_to_number():
    found = search(bounds=[(-0.1, 0.1), (0.0, 0.0), (-np.inf, np.inf)])
    furthest = 0.0
    for _ in range(20):
        batch = found.ask(16)
        assert np.abs(batch.solution[:, 0]).max() <= 0.1 and not batch.solution[:, 1].any()
        found.tell(batch.id, *evaluated(batch.solution))
        furthest = max(furthest, np.abs(batch.solution[:, 2]).max())
    assert furthest > 0.1


STRATEGIES = [samara.EvolutionStrategy(0.2, batch=8), samara.EvolutionStrategy(0.2, batch=8, diagonal=True)]


@pytest.mark.parametrize("bandit", [None, samara.Bandit(1)])
def test_the_digest_of_strategies_is_the_same_whatever_the_order_and_the_parts(bandit):
    more = {"emitters": STRATEGIES, "bandit": bandit}
    assert finished(1, 1, **more).digest() == finished(2, 5, **more).digest()


def test_a_strategy_proposes_its_next_generation_when_the_last_has_settled():
    found = search(emitters=[samara.EvolutionStrategy(0.2, batch=6)], initial=None, start=np.zeros(3))
    batch = found.ask(16)
    assert len(batch.id) == 6 and len(found.ask(16).id) == 0
    objective, measures = evaluated(batch.solution)
    found.tell(batch.id[1:], objective[1:], measures[1:])
    assert len(found.ask(16).id) == 0
    found.tell(batch.id[:1], objective[:1], measures[:1])
    assert len(found.ask(16).id) == 6


@pytest.mark.parametrize("wrong", [samara.Gaussian(0.0), samara.EvolutionStrategy(batch=1), samara.IsoLine(batch=0)])
def test_emitters_that_propose_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="emitters"):
        search(emitters=[wrong])


def ribs(emitter, rounds, **soft):
    archive = samara.GridArchive(solution_dim=4, dims=[20, 20], ranges=[(-2, 2)] * 2, **soft)
    result = samara.GridArchive(solution_dim=4, dims=[20, 20], ranges=[(-2, 2)] * 2)
    scheduler = samara.Scheduler(archive, [emitter(archive) for _ in range(3)], result_archive=result, seed=3)
    for _ in range(rounds):
        solutions = scheduler.ask()
        scheduler.tell(-(solutions**2).sum(axis=1), solutions[:, :2])
    return scheduler


PORTED = {
    "gaussian": lambda archive: samara.GaussianEmitter(archive, sigma=0.2, x0=[0.5] * 4, batch_size=10),
    "iso_line": lambda archive: samara.IsoLineEmitter(
        archive, iso_sigma=0.2, initial_solutions=[[0.5] * 4], batch_size=10
    ),
    "cma_me": lambda archive: samara.EvolutionStrategyEmitter(archive, x0=[0.5] * 4, sigma0=0.2, batch_size=10),
    "cma_mae": lambda archive: samara.EvolutionStrategyEmitter(
        archive, x0=[0.5] * 4, sigma0=0.2, ranker="imp", selection_rule="mu", restart_rule="basic", batch_size=10
    ),
}


@pytest.mark.parametrize("name", PORTED)
def test_the_loop_of_pyribs_tutorials_fills_the_archive(name):
    soft = {"learning_rate": 0.01, "threshold_min": -20.0} if name == "cma_mae" else {}
    scheduler = ribs(PORTED[name], 60, **soft)
    assert len(scheduler.archive) > 60 and len(scheduler.result_archive) >= len(scheduler.archive)
    assert scheduler.result_archive.stats.obj_max > -0.5
    assert ribs(PORTED[name], 60, **soft).archive.digest() == scheduler.archive.digest()


def test_a_bandit_lets_so_many_emitters_propose():
    archive = samara.GridArchive(solution_dim=4, dims=[20, 20], ranges=[(-2, 2)] * 2)
    scheduler = samara.BanditScheduler(archive, [PORTED["cma_me"](archive) for _ in range(5)], num_active=2)
    for _ in range(10):
        solutions = scheduler.ask()
        assert len(solutions) == 20
        scheduler.tell(-(solutions**2).sum(axis=1), solutions[:, :2])


def test_a_scheduler_goes_by_turns_and_says_what_it_has_nothing_for():
    archive = samara.GridArchive(solution_dim=4, dims=[20, 20], ranges=[(-2, 2)] * 2)
    scheduler = samara.Scheduler(archive, [PORTED["cma_me"](archive)])
    with pytest.raises(RuntimeError, match="without ask"):
        scheduler.tell([0.0], [[0.0, 0.0]])
    scheduler.ask()
    with pytest.raises(RuntimeError, match="twice"):
        scheduler.ask()
    with pytest.raises(ValueError, match="choose one of"):
        samara.EvolutionStrategyEmitter(archive, x0=[0.0] * 4, sigma0=0.1, ranker="rd")
