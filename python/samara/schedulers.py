"""pyribs' schedulers: ask for a batch, tell all of it, by turns. ``samara.Search`` is what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from samara.archives import Archive, _numpy
from samara.ask_tell import Search
from samara.emitters import Bandit, EvolutionStrategyEmitter, GaussianEmitter, IsoLineEmitter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["BanditScheduler", "Scheduler"]

_Emitter = GaussianEmitter | IsoLineEmitter | EvolutionStrategyEmitter


class Scheduler:
    """Emitters side by side, as pyribs' ``Scheduler`` has them.

    Candidates are judged one after the other, each by the archive as the one before has left it: pyribs'
    ``add_mode="single"``.
    """

    def __init__(
        self, archive: Archive, emitters: Sequence[_Emitter], *, result_archive: Archive | None = None,
        seed: int | None = None,
    ) -> None:
        """A scheduler before its first batch.

        Args:
            archive: An empty archive, the emitters' own.
            emitters: One or more; those that begin at a point begin at the same one.
            result_archive: An archive that is given everything too, such as one without soft thresholds.
            seed: Of all randomness. Default: that of the first emitter that has one, else 0.

        Raises:
            ValueError: Emitters that do not fit together.
        """
        self._begin(archive, emitters, result_archive, seed, None)

    def _begin(
        self,
        archive: Archive,
        emitters: Sequence[_Emitter],
        result_archive: Archive | None,
        seed: int | None,
        bandit: Bandit | None,
    ) -> None:
        numpy = _numpy()
        if not emitters:
            raise ValueError("there is no emitter")
        if result_archive is archive:
            raise ValueError("result_archive is the archive itself")
        if any(emitter.archive is not archive for emitter in emitters):
            raise ValueError("an emitter was made with another archive")
        first = emitters[0]
        if any(not numpy.array_equal(emitter.x0, first.x0) for emitter in emitters):
            raise ValueError("emitters begin at different points\nhint: give all of them the same x0")
        if any(emitter._bounds != first._bounds for emitter in emitters):
            raise ValueError("emitters have different bounds\nhint: give all of them the same")
        initial = [rows for emitter in emitters if (rows := emitter._initial) is not None]
        rows = numpy.concatenate(initial) if initial else numpy.empty((0, first.x0.shape[0]))
        seeds = [emitter._seed for emitter in emitters if emitter._seed is not None]
        infinite = (-float("inf"), float("inf"))
        bounds = None if first._bounds is None else [pair or infinite for pair in first._bounds]
        self._initial, self._emitters, self._result = len(rows), list(emitters), result_archive
        self._search = Search(
            archive,
            emitters=[emitter._emitter for emitter in emitters],
            bandit=bandit,
            initial=rows,
            start=first.x0,
            bounds=bounds,
            seed=seed if seed is not None else (seeds or [0])[0],
            window=max(sum(emitter.batch_size for emitter in emitters), len(rows)),
        )
        self._asked: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None

    @property
    def archive(self) -> Archive:
        """The archive that the emitters follow."""
        return self._search.archive

    @property
    def result_archive(self) -> Archive:
        """The archive that everything is added to; the emitters' own if there is no other."""
        return self._search.archive if self._result is None else self._result

    @property
    def emitters(self) -> list[_Emitter]:
        """The emitters."""
        return self._emitters

    def ask(self) -> NDArray[np.float64]:
        """The solutions of the next batch, (n, solution_dim).

        Raises:
            RuntimeError: The last batch was not told.
        """
        if self._asked is not None:
            raise RuntimeError("ask() was called twice in a row\nhint: tell() what the last batch came to first")
        count, self._initial = self._initial or self._search.window, 0
        self._asked = self._search.ask(count)
        return self._asked[1]

    def tell(self, objective: ArrayLike, measures: ArrayLike) -> None:
        """What the last batch came to, in its order.

        Raises:
            RuntimeError: There is no batch to tell of.
            ValueError: Arrays of another length.
        """
        if self._asked is None:
            raise RuntimeError("tell() was called without ask()")
        ids, solutions = self._asked
        self._search.tell(ids, objective, measures)
        if self._result is not None:
            self._result.add(solutions, objective, measures)
        self._asked = None


class BanditScheduler(Scheduler):
    """The same, with a bandit that chooses ``num_active`` of the emitters for every batch."""

    def __init__(
        self,
        archive: Archive,
        emitter_pool: Sequence[_Emitter],
        num_active: int,
        *,
        result_archive: Archive | None = None,
        reselect: str = "terminated",
        zeta: float = 0.05,
        seed: int | None = None,
    ) -> None:
        """Arguments as for :class:`Scheduler`, and as pyribs has them.

        Raises:
            ValueError: Emitters that do not fit together.
        """
        if reselect not in ("terminated", "all"):
            raise ValueError(f"reselect={reselect!r}: choose 'terminated' or 'all'")
        kind: Literal["terminated", "all"] = "all" if reselect == "all" else "terminated"
        self._begin(archive, emitter_pool, result_archive, seed, Bandit(num_active, zeta, kind))
