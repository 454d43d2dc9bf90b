"""Archives without cells: of whoever is novel, and Dominated Novelty Search.

Distances are Euclidean, in the measures' own units. An archive holds ``capacity`` elites at most; its ``coverage`` is the
part of them that is taken.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from samara import _samara
from samara.archives import Archive, _named, _numpy, _spans

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["DNSArchive", "DominatedNoveltyArchive", "ProximityArchive"]


class _Unstructured(Archive):
    _k_neighbors: int

    @classmethod
    def _placed(
        cls,
        *,
        capacity: int,
        k_neighbors: int,
        novel: tuple[float, bool] | None,
        measure_dim: int,
        ranges: Collection[tuple[float, float]] | None,
        names: Sequence[str] | None,
        **others: Any,
    ) -> Self:
        spans = None if ranges is None else _spans(ranges)
        if spans is not None and len(spans) != measure_dim:
            raise ValueError(f"ranges (length {len(spans)}) must have the length of measure_dim ({measure_dim})")
        archive = cls._made(
            _samara.Cells.places(capacity, k_neighbors, novel, spans, _named(names, measure_dim)),
            learning_rate=None,
            threshold_min=-math.inf,
            **others,
        )
        archive._k_neighbors = k_neighbors
        return archive

    @property
    def k_neighbors(self) -> int:
        """How many of the nearest elites count."""
        return self._k_neighbors

    @property
    def capacity(self) -> int:
        """How many elites it holds at most."""
        return self.cells

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} of {self.cells} places taken>"


class ProximityArchive(_Unstructured):
    """An archive for whoever is novel: novelty search, and with ``local_competition`` Novelty Search with Local Competition
    (Lehman & Stanley 2011).

    A solution's novelty is its mean distance to the ``k_neighbors`` nearest elites (to all if there are fewer). Whoever has
    ``novelty_threshold`` or more is added. With local competition anyone else takes the place of the nearest elite, if its
    objective is strictly better; so does a novel one once ``capacity`` elites are held, which pyribs does not bound.

    Args:
        measure_dim: How many measures there are.
        k_neighbors: How many of the nearest elites count.
        novelty_threshold: The least novelty that is added, from 0 on.
        local_competition: Whether solutions that are not novel compete with the elite nearest to them.
        capacity: How many elites it holds at most, 65,536 or fewer; each costs every addition a comparison. Default 10,000.
        ranges: From where to where pictures go. Default: as far as the elites do.

    The others are those of :class:`Archive`, without soft thresholds.
    """

    _novelty_threshold: float
    _competes: bool

    def __new__(
        cls,
        *,
        solution_dim: int | tuple[int, ...],
        measure_dim: int,
        k_neighbors: int,
        novelty_threshold: float,
        local_competition: bool = False,
        capacity: int = 10_000,
        qd_score_offset: float = 0.0,
        seed: int | None = None,
        solution_dtype: DTypeLike | None = None,
        dtype: DTypeLike | None = None,
        extra_fields: Mapping[str, tuple[int | tuple[int, ...], DTypeLike]] | None = None,
        ranges: Collection[tuple[float, float]] | None = None,
        names: Sequence[str] | None = None,
    ) -> Self:
        """An empty archive."""
        archive = cls._placed(
            capacity=capacity,
            k_neighbors=k_neighbors,
            novel=(float(novelty_threshold), bool(local_competition)),
            measure_dim=measure_dim,
            ranges=ranges,
            names=names,
            solution_dim=solution_dim,
            qd_score_offset=qd_score_offset,
            seed=seed,
            solution_dtype=solution_dtype,
            dtype=dtype,
            extra_fields=extra_fields,
        )
        archive._novelty_threshold, archive._competes = float(novelty_threshold), bool(local_competition)
        return archive

    @property
    def novelty_threshold(self) -> float:
        """The least novelty that is added."""
        return self._novelty_threshold

    @property
    def local_competition(self) -> bool:
        """Whether solutions that are not novel compete with the elite nearest to them."""
        return self._competes

    def compute_novelty(
        self, measures: ArrayLike, local_competition: ArrayLike | None = None
    ) -> NDArray[np.float64] | tuple[NDArray[np.float64], NDArray[np.int64]]:
        """How novel ``measures`` (n, measure_dim) are: their mean distance to the nearest elites, infinite of an empty
        archive.

        Args:
            measures: The measures.
            local_competition: Objectives (n,): then also how many of the nearest elites have a lower one.
        """
        novelty = self._novelty(measures)
        assert novelty is not None, "the archive is for whoever is novel"
        if local_competition is None:
            return novelty
        beaten = self._local_competition(local_competition, measures)
        assert beaten is not None, "the archive is for whoever is novel"
        return novelty, beaten

    def add(
        self, solution: Any, objective: ArrayLike | None, measures: ArrayLike, **fields: Any
    ) -> dict[str, NDArray[Any]]:
        """Offers solutions together: each is judged against the archive as it was before, so that novel ones are added
        also if they lie beside each other. ``objective`` may be ``None`` without local competition, and is 0 then.

        Returns:
            ``status`` and ``value`` (as of :class:`AddStatus`: the objective of what is new, else how far it is above the
            nearest elite's; without local competition the novelty), ``novelty``, and with local competition
            ``local_competition``: how many of the nearest elites have a lower objective.
        """
        told = self._told(self._objective(objective, len(_numpy().asarray(measures))), measures)
        return {**super().add(solution, told.pop("objective"), measures, **fields), **told}

    def add_single(
        self, solution: Any, objective: float | None, measures: ArrayLike, **fields: Any
    ) -> dict[str, Any]:
        """Offers one solution; see :meth:`add`."""
        told = self._told(self._objective(objective, 1), _numpy().asarray(measures, dtype=float)[None])
        one = {name: column[0] for name, column in told.items()}
        return {**super().add_single(solution, float(one.pop("objective")), measures, **fields), **one}

    def _objective(self, objective: Any, count: int) -> NDArray[np.float64]:
        if objective is None:
            if self._competes:
                raise ValueError("objective is None, and local competition needs one")
            objective = [0.0] * count
        column: NDArray[np.float64] = _numpy().atleast_1d(_numpy().asarray(objective, dtype=float))
        return column

    def _told(self, objective: NDArray[np.float64], measures: ArrayLike) -> dict[str, NDArray[Any]]:
        novelty, beaten = self._novelty(measures), self._local_competition(objective, measures)
        assert novelty is not None and beaten is not None, "the archive is for whoever is novel"
        told: dict[str, NDArray[Any]] = {"objective": objective, "novelty": novelty}
        return {**told, "local_competition": beaten} if self._competes else told


class DominatedNoveltyArchive(_Unstructured):
    """Dominated Novelty Search (Bahlous-Boldi et al. 2025, arXiv 2502.00593): ``capacity`` elites, which are worth their mean
    distance to the ``k_neighbors`` nearest elites that are fitter. Who is worth least leaves. A batch is a generation of the
    paper: the best of all that is held and new stay. pyribs calls it ``DNSArchive``.

    Args:
        measure_dim: How many measures there are.
        capacity: How many elites it holds at most, 65,536 or fewer; each costs every addition a comparison.
        k_neighbors: How many of the nearest fitter elites count. Default 3.
        ranges: From where to where pictures go. Default: as far as the elites do.

    The others are those of :class:`Archive`, without soft thresholds.
    """

    def __new__(
        cls,
        *,
        solution_dim: int | tuple[int, ...],
        measure_dim: int,
        capacity: int,
        k_neighbors: int = 3,
        qd_score_offset: float = 0.0,
        seed: int | None = None,
        solution_dtype: DTypeLike | None = None,
        dtype: DTypeLike | None = None,
        extra_fields: Mapping[str, tuple[int | tuple[int, ...], DTypeLike]] | None = None,
        ranges: Collection[tuple[float, float]] | None = None,
        names: Sequence[str] | None = None,
    ) -> Self:
        """An empty archive."""
        return cls._placed(
            capacity=capacity,
            k_neighbors=k_neighbors,
            novel=None,
            measure_dim=measure_dim,
            ranges=ranges,
            names=names,
            solution_dim=solution_dim,
            qd_score_offset=qd_score_offset,
            seed=seed,
            solution_dtype=solution_dtype,
            dtype=dtype,
            extra_fields=extra_fields,
        )


#: What pyribs calls :class:`DominatedNoveltyArchive`.
DNSArchive = DominatedNoveltyArchive
