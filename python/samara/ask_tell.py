"""Ask and tell: samara proposes, you evaluate, in any order and in parts.

A candidate is proposed from the archive exactly as it stood a *window* of candidates before it, and results settle in the
order of their numbers. So the archive is a function of the seed and of what you tell, and not of when you tell it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from samara import _samara
from samara.archives import Archive, _numpy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Batch", "Gaussian", "IsoLine", "Search", "Told"]

Kept = TypeVar("Kept", bound=Archive)


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """A Gaussian step from an elite."""

    #: The standard deviation, one for every number of a solution or one for all.
    sigma: float | Sequence[float] = 0.1

    def _parts(self) -> tuple[str, list[float]]:
        sigma = [self.sigma] if isinstance(self.sigma, int | float) else self.sigma
        return "gaussian", [float(one) for one in sigma]


@dataclasses.dataclass(frozen=True)
class IsoLine:
    """A Gaussian step from an elite and one along the line to another (Vassiliades & Mouret 2018)."""

    #: The standard deviation of the step in every direction.
    iso_sigma: float = 0.01
    #: The standard deviation of the step along the line, in lengths of it.
    line_sigma: float = 0.2

    def _parts(self) -> tuple[str, list[float]]:
        return "iso_line", [float(self.iso_sigma), float(self.line_sigma)]


class Batch(NamedTuple):
    """Candidates to evaluate."""

    #: Their numbers.
    id: NDArray[np.int64]
    #: Their solutions, (n, solution_dim).
    solution: NDArray[np.float64]


class Told(NamedTuple):
    """Candidates that have settled."""

    #: Their numbers, in order.
    id: NDArray[np.int64]
    #: What became of each: see :class:`samara.AddStatus`.
    status: NDArray[np.int32]


class Search:
    """A search over lists of numbers.

    Args:
        archive: An empty archive with ``solution_dim=N``. What settles goes into it.
        operators: How elites are varied: :class:`Gaussian`, :class:`IsoLine`, or several, of which each candidate draws one.
        initial: What the search begins with, (n, N) or (N,): the first candidates are these as they are.
        bounds: Lowest and highest value of a solution's numbers, one pair for all or one for each. Default: none.
        seed: Of all randomness, 0 to 2^63 - 1. Default 0.
        window: How many candidates may be out at once: candidate i is proposed from the archive after i - window has
            settled. 1 is the textbook algorithm. Default 32.

    Raises:
        ValueError: Numbers that cannot be used, or an archive that is not empty.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        operators: Sequence[Gaussian | IsoLine],
        initial: ArrayLike,
        bounds: tuple[float, float] | Sequence[tuple[float, float]] | None = None,
        seed: int = 0,
        window: int = 32,
    ) -> None:
        """A search before its first candidate."""
        rows = _numpy().atleast_2d(_numpy().asarray(initial, dtype=float))
        self._archive = archive
        self._search = _samara.Search(
            archive,
            operators=[operator._parts() for operator in operators],
            initial=rows,
            bounds=_bounds(bounds, rows.shape[1]),
            seed=seed,
            window=window,
        )

    @property
    def archive(self) -> Archive:
        """The archive that it was made with: what has settled."""
        return self._archive

    @property
    def num_settled(self) -> int:
        """How many candidates have settled."""
        return self._search.num_settled

    @property
    def window(self) -> int:
        """How many candidates may be out at once."""
        return self._search.window

    @property
    def outstanding(self) -> NDArray[np.int64]:
        """The numbers of candidates that were asked for and not told."""
        return self._search.outstanding

    def ask(self, n: int = 1) -> Batch:
        """Up to ``n`` candidates: fewer if as many as the window allows are out.

        Raises:
            ValueError: ``n`` is more than the window.
        """
        return Batch(*self._search.ask(n))

    def tell(self, id: ArrayLike, objective: ArrayLike, measures: ArrayLike) -> Told:
        """Takes results, of one candidate or of many, and says which candidates have settled because of them.

        Numbers that are not finite are a failure of their candidate, and of no other.

        Raises:
            ValueError: A candidate that is not out, or arrays of different lengths; then nothing is told.
        """
        told = self._search.tell(id, objective, measures)
        return Told(told["id"], told["status"])

    def fail(self, id: int, why: str) -> Told:
        """Says that a candidate could not be evaluated; the search goes on without it."""
        told = self._search.fail(int(id), why)
        return Told(told["id"], told["status"])

    def digest(self) -> str:
        """The hash of what has settled: equal for two searches exactly if their archives hold the same."""
        return self._search.digest()


def _bounds(bounds: Any, width: int) -> list[tuple[float, float]] | None:
    if bounds is None:
        return None
    pairs = _numpy().asarray(bounds, dtype=float)
    pairs = _numpy().broadcast_to(pairs, (width, 2)) if pairs.ndim == 1 else pairs
    return [(float(lo), float(hi)) for lo, hi in pairs]
