"""What proposes solutions: the emitters of ``samara.Search``, and pyribs' emitters by their names and arguments.

An emitter here is a description; the search has what it learns. Those of pyribs take the archive first, as pyribs has it.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Literal

from samara.archives import Archive, _numpy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Bandit",
    "Emitter",
    "EvolutionStrategy",
    "EvolutionStrategyEmitter",
    "Gaussian",
    "GaussianEmitter",
    "IsoLine",
    "IsoLineEmitter",
]


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """A Gaussian step from a random elite (MAP-Elites)."""

    #: The standard deviation, above 0.
    sigma: float = 0.1
    #: Its candidates in a generation.
    batch: int = 36
    #: How many of its kind there are.
    count: int = 1

    def _settings(self) -> dict[str, Any]:
        return {"kind": "gaussian", "sigma": float(self.sigma), "batch": self.batch, "count": self.count}

    @property
    def _needs_generation(self) -> bool:
        return False


@dataclasses.dataclass(frozen=True)
class IsoLine:
    """A Gaussian step from a random elite and one along the line to another (Vassiliades & Mouret 2018)."""

    #: The standard deviation of the step in every direction, above 0.
    iso_sigma: float = 0.01
    #: The standard deviation of the step along the line, in lengths of it; above 0.
    line_sigma: float = 0.2
    #: Its candidates in a generation.
    batch: int = 36
    #: How many of its kind there are.
    count: int = 1

    def _settings(self) -> dict[str, Any]:
        sigmas = {"sigma": float(self.iso_sigma), "line_sigma": float(self.line_sigma)}
        return {"kind": "iso_line", **sigmas, "batch": self.batch, "count": self.count}

    @property
    def _needs_generation(self) -> bool:
        return False


@dataclasses.dataclass(frozen=True)
class EvolutionStrategy:
    """An evolution strategy that follows what the archive accepts: CMA-ME as it stands; with an archive that has a
    ``learning_rate``, ``ranking="improvement"``, ``parents="half"`` and ``restart="convergence"`` CMA-MAE.

    It needs its whole generation: the next one is proposed when the last has settled.
    """

    #: The standard deviation that it begins with, above 0.
    sigma: float = 0.5
    #: Its candidates in a generation, 2 or more.
    batch: int = 36
    #: How many of its kind there are, each with a distribution of its own.
    count: int = 1
    #: Whether only variances are learnt and no covariances, for many dimensions (sep-CMA-ES).
    diagonal: bool = False
    #: How candidates are ranked: what filled a cell first (CMA-ME), by improvement (CMA-MAE), or by the objective.
    ranking: Literal["two_stage", "improvement", "objective"] = "two_stage"
    #: Which candidates it follows: those that entered the archive (CMA-ME), or the better half (CMA-MAE).
    parents: Literal["accepted", "half"] = "accepted"
    #: When it begins anew at a random elite: once none of a generation entered (CMA-ME), once it has converged (CMA-MAE),
    #: or after so many generations.
    restart: Literal["no_improvement", "convergence"] | int = "no_improvement"

    def _settings(self) -> dict[str, Any]:
        every = isinstance(self.restart, int)
        return {
            "kind": "sep_cma_es" if self.diagonal else "cma_es",
            "sigma": float(self.sigma),
            "batch": self.batch,
            "count": self.count,
            "ranking": self.ranking,
            "parents": self.parents,
            **({"restart_every": self.restart} if every else {"restart": self.restart}),
        }

    @property
    def _needs_generation(self) -> bool:
        return True


#: An emitter of ``samara.Search``.
Emitter = Gaussian | IsoLine | EvolutionStrategy


@dataclasses.dataclass(frozen=True)
class Bandit:
    """Chooses the emitters of every generation by UCB1, from how many of their candidates have entered the archive."""

    #: How many emitters propose each generation, 1 to all.
    active: int
    #: What doubt about an emitter is worth.
    zeta: float = 0.05
    #: Whose places are given away after a generation: those of emitters that have begun anew, or all.
    reselect: Literal["terminated", "all"] = "terminated"

    def _settings(self) -> dict[str, Any]:
        return {"active": self.active, "zeta": float(self.zeta), "reselect": self.reselect}


class _Ribs:
    """What pyribs' emitters have in common."""

    def __init__(
        self,
        archive: Archive,
        emitter: Emitter,
        x0: ArrayLike | None,
        initial_solutions: ArrayLike | None,
        bounds: Sequence[tuple[float, float] | None] | None,
        seed: int | None,
    ) -> None:
        if x0 is None and initial_solutions is None:
            raise ValueError("either x0 or initial_solutions must be given")
        self._archive, self._emitter, self._bounds, self._seed = archive, emitter, bounds, seed
        self._initial = None if initial_solutions is None else _rows(initial_solutions)
        self._x0: NDArray[Any] = _rows(x0 if x0 is not None else self._initial[0])[0]  # type: ignore[index]

    @property
    def archive(self) -> Archive:
        """The archive that it was made with."""
        return self._archive

    @property
    def batch_size(self) -> int:
        """Its candidates in a generation."""
        return self._emitter.batch

    @property
    def x0(self) -> NDArray[Any]:
        """Where it begins."""
        return self._x0


class GaussianEmitter(_Ribs):
    """pyribs' emitter of Gaussian steps; ``sigma`` is one number."""

    def __init__(
        self,
        archive: Archive,
        *,
        sigma: float,
        x0: ArrayLike | None = None,
        initial_solutions: ArrayLike | None = None,
        bounds: Sequence[tuple[float, float] | None] | None = None,
        batch_size: int = 64,
        seed: int | None = None,
    ) -> None:
        """Arguments as pyribs has them."""
        super().__init__(archive, Gaussian(sigma, batch_size), x0, initial_solutions, bounds, seed)


class IsoLineEmitter(_Ribs):
    """pyribs' emitter of steps along lines."""

    def __init__(
        self,
        archive: Archive,
        *,
        iso_sigma: float = 0.01,
        line_sigma: float = 0.2,
        x0: ArrayLike | None = None,
        initial_solutions: ArrayLike | None = None,
        bounds: Sequence[tuple[float, float] | None] | None = None,
        batch_size: int = 64,
        seed: int | None = None,
    ) -> None:
        """Arguments as pyribs has them."""
        emitter = IsoLine(iso_sigma, line_sigma, batch_size)
        super().__init__(archive, emitter, x0, initial_solutions, bounds, seed)


_RANKERS: dict[str, Literal["two_stage", "improvement", "objective"]] = {
    "2imp": "two_stage",
    "TwoStageImprovementRanker": "two_stage",
    "imp": "improvement",
    "ImprovementRanker": "improvement",
    "obj": "objective",
    "ObjectiveRanker": "objective",
}


class EvolutionStrategyEmitter(_Ribs):
    """pyribs' emitter of evolution strategies: CMA-ME by default, CMA-MAE with ``ranker="imp"``,
    ``selection_rule="mu"``, ``restart_rule="basic"`` and an archive with a learning rate."""

    def __init__(
        self,
        archive: Archive,
        *,
        x0: ArrayLike,
        sigma0: float,
        ranker: str = "2imp",
        es: str = "cma_es",
        selection_rule: str = "filter",
        restart_rule: str | int = "no_improvement",
        bounds: Sequence[tuple[float, float] | None] | None = None,
        batch_size: int | None = None,
        seed: int | None = None,
    ) -> None:
        """Arguments as pyribs has them, but for rankers by random directions and strategies other than CMA-ES.

        Raises:
            ValueError: An argument that samara has nothing for.
        """
        parents: dict[str, Literal["accepted", "half"]] = {"filter": "accepted", "mu": "half"}
        restarts: dict[str, Literal["no_improvement", "convergence"]] = {
            "no_improvement": "no_improvement",
            "basic": "convergence",
        }
        dims = _rows(x0).shape[1]
        emitter = EvolutionStrategy(
            sigma=sigma0,
            batch=4 + int(3 * math.log(dims)) if batch_size is None else batch_size,
            diagonal=_one(es, "es", {"cma_es": False, "sep_cma_es": True}),
            ranking=_one(ranker, "ranker", _RANKERS),
            parents=_one(selection_rule, "selection_rule", parents),
            restart=restart_rule if isinstance(restart_rule, int) else _one(restart_rule, "restart_rule", restarts),
        )
        super().__init__(archive, emitter, x0, None, bounds, seed)


def _one(given: str, name: str, known: dict[str, Any]) -> Any:
    if given not in known:
        raise ValueError(f"{name}={given!r}: there is none\nhint: choose one of {', '.join(known)}")
    return known[given]


def _rows(given: ArrayLike) -> NDArray[Any]:
    rows: NDArray[Any] = _numpy().atleast_2d(_numpy().asarray(given, dtype=float))
    return rows
