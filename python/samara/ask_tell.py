"""Ask and tell: samara proposes, you evaluate, in any order and in parts.

A candidate is proposed from the archive exactly as it stood a *window* of candidates before it, and results settle in the
order of their numbers. So the archive is a function of the seed and of what you tell, and not of when you tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from samara import _samara
from samara.archives import Archive, _numpy
from samara.emitters import Bandit, Emitter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Batch", "Search", "Told"]


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
        emitters: What proposes solutions: :class:`Gaussian`, :class:`IsoLine`, :class:`EvolutionStrategy`, or several. A
            generation has a place for every candidate of every emitter, in their order. Evolution strategies need the whole
            of it: the next generation is proposed when the last has settled, and until then :meth:`ask` gives nothing.
        initial: What the search begins with, (n, N) or (N,): the first candidates are these as they are.
        start: Where emitters begin, (N,), as long as the archive holds nothing. Default: the first of ``initial``.
        bandit: Which emitters propose each generation. Default: all.
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
        emitters: Sequence[Emitter],
        initial: ArrayLike | None = None,
        start: ArrayLike | None = None,
        bandit: Bandit | None = None,
        bounds: tuple[float, float] | Sequence[tuple[float, float]] | None = None,
        seed: int = 0,
        window: int = 32,
    ) -> None:
        """A search before its first candidate."""
        import json

        if not emitters:
            raise ValueError("there is no emitter\nhint: emitters=[samara.Gaussian(0.1)]")
        width = archive.solution_dim if isinstance(archive.solution_dim, int) else 0
        rows = _numpy().empty((0, width)) if initial is None else _numpy().asarray(initial, dtype=float)
        rows = _numpy().atleast_2d(rows)
        if start is None and not len(rows):
            raise ValueError("the search has nothing to begin with\nhint: give initial solutions, or a start")
        self._archive = archive
        self._search = _samara.Search(
            archive,
            emitters=(
                json.dumps([emitter._settings() for emitter in emitters]),
                None if bandit is None else json.dumps(bandit._settings()),
            ),
            initial=rows,
            start=[float(number) for number in (rows[0] if start is None else _numpy().asarray(start, dtype=float))],
            bounds=_bounds(bounds, rows.shape[1]),
            numbers=(seed, window),
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
        """Up to ``n`` candidates: fewer if as many as the window allows are out, or the generation is.

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
