"""Archives with the names and the meaning of pyribs, on samara's own cells and exact statistics.

An archive keeps the best solution (the *elite*) of every cell of measure space. The objective is higher the better; a
newcomer enters if it is strictly better than what its cell holds, or, with ``learning_rate`` and ``threshold_min``, better
than the cell's soft threshold (CMA-MAE, Fontaine & Nikolaidis 2023).

What differs from pyribs is listed in docs/guides/python.md.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from samara import _samara

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "AddStatus",
    "Archive",
    "ArchiveStats",
    "CQDScoreResult",
    "CVTArchive",
    "CategoricalArchive",
    "GridArchive",
    "TickArchive",
    "cqd_score",
]

#: Names of columns that every archive has.
_RESERVED = ("solution", "objective", "measures", "threshold", "index")


class AddStatus(enum.IntEnum):
    """What became of a solution that was added."""

    #: The cell holds better.
    NOT_ADDED = 0
    #: It took the place of a worse elite.
    IMPROVE_EXISTING = 1
    #: It fills an empty cell.
    NEW = 2


class ArchiveStats(NamedTuple):
    """Numbers about an archive. Sums are exact, and rounded once."""

    #: Filled cells.
    num_elites: int
    #: Filled cells / all cells.
    coverage: float
    #: The sum over elites of objective minus ``qd_score_offset``.
    qd_score: float
    #: The same divided by the number of all cells.
    norm_qd_score: float
    #: The best objective ever added; ``None`` before the first.
    obj_max: float | None
    #: The mean objective of the elites; ``None`` if there is none.
    obj_mean: float | None


class CQDScoreResult(NamedTuple):
    """What :func:`cqd_score` gives."""

    #: How often the score was computed.
    iterations: int
    #: The mean of the scores.
    mean: float
    #: The scores, one an iteration.
    scores: NDArray[np.float64]
    #: The target points, ``(iterations, n, measure_dim)``.
    target_points: NDArray[np.float64]
    #: The penalties.
    penalties: NDArray[np.float64]
    #: As they were given.
    obj_min: float
    obj_max: float
    dist_max: float
    dist_ord: Any


class Archive(_samara.Archive):
    """What all archives have in common. Make one of :class:`GridArchive`, :class:`CVTArchive`, :class:`TickArchive`,
    :class:`CategoricalArchive`, :class:`ProximityArchive` or :class:`DominatedNoveltyArchive`.

    Arguments that all of them share:

    - ``solution_dim``: how many numbers a solution has; a tuple for another shape, ``()`` for a single number. With
      ``dtype=object`` a solution is any Python object, such as a text, and ``solution_dim`` is ``()``.
    - ``learning_rate`` (0 to 1) and ``threshold_min``: soft thresholds. Both or neither; default neither.
    - ``qd_score_offset``: subtracted from every objective in the QD score. Default 0.
    - ``seed``: of :meth:`sample_elites`. Default 0: samples are the same every time.
    - ``solution_dtype`` or ``dtype``: ``float`` (64 bits, the default) or ``object``.
    - ``extra_fields``: ``{name: (shape, dtype)}`` of what is kept beside each elite. ``float`` fields are arrays of that
      shape; any other dtype keeps Python objects.
    - ``names``: what pictures call the measures. Default ``measure 0``, ``measure 1``, ...
    """

    _solution_dim: int | tuple[int, ...]
    _ranges: tuple[tuple[float, float], ...]
    _fields: dict[str, tuple[tuple[int, ...], Any]]

    @classmethod
    def _made(
        cls,
        cells: _samara.Cells,
        *,
        solution_dim: int | tuple[int, ...],
        learning_rate: float | None,
        threshold_min: float,
        qd_score_offset: float,
        seed: int | None,
        solution_dtype: DTypeLike | None,
        dtype: DTypeLike | None,
        extra_fields: Mapping[str, tuple[int | tuple[int, ...], DTypeLike]] | None,
    ) -> Self:
        if dtype is not None and solution_dtype is not None:
            raise ValueError("dtype and solution_dtype cannot be used at the same time")
        given = dtype if dtype is not None else solution_dtype
        fields = {name: (_shape(shape), kind) for name, (shape, kind) in (extra_fields or {}).items()}
        for name in fields:
            if name in _RESERVED or not name.isidentifier():
                raise ValueError(f"extra_fields: `{name}` is reserved, or no identifier")
        archive = super().__new__(
            cls,
            cells,
            shape=list(_shape(solution_dim)),
            objects=not _is_float(given, "solution_dtype"),
            fields=[(name, list(shape), not _is_float64(kind)) for name, (shape, kind) in fields.items()],
            soft=_soft(learning_rate, threshold_min),
            qd_score_offset=float(qd_score_offset),
            seed=0 if seed is None else seed,
        )
        archive._solution_dim = solution_dim
        archive._fields = fields
        archive._learning_rate = 1.0 if learning_rate is None else float(learning_rate)
        archive._threshold_min = float(threshold_min)
        return archive

    _learning_rate: float
    _threshold_min: float

    @property
    def solution_dim(self) -> int | tuple[int, ...]:
        """The shape of a solution, as it was given."""
        return self._solution_dim

    @property
    def objective_dim(self) -> tuple[()]:
        """The shape of an objective: a single number."""
        return ()

    @property
    def learning_rate(self) -> float:
        """How fast soft thresholds move; 1 without them."""
        return self._learning_rate

    @property
    def threshold_min(self) -> float:
        """The soft threshold of an empty cell; ``-inf`` without soft thresholds."""
        return self._threshold_min

    @property
    def field_list(self) -> list[str]:
        """The names of the columns of :meth:`data`."""
        return ["solution", "objective", "measures", "threshold", *self._fields, "index"]

    @property
    def stats(self) -> ArchiveStats:
        """The archive's numbers."""
        return ArchiveStats(*self._stats())

    @property
    def best_elite(self) -> dict[str, Any] | None:
        """The best solution that was ever added, a value of each column; ``None`` before the first. A soft archive may no
        longer hold it."""
        return self._best()

    def add_single(self, solution: Any, objective: float, measures: ArrayLike, **fields: Any) -> dict[str, Any]:
        """Offers one solution; see :meth:`add`."""
        return super().add_single(solution, objective, measures, **fields)

    def retrieve(self, measures: ArrayLike) -> tuple[NDArray[np.bool_], dict[str, NDArray[Any]]]:
        """The elites of the cells in which ``measures`` (n, measure_dim) lie: whether there is one, and the columns. Where
        there is none, numbers are NaN, the index -1, objects ``None``."""
        return self._at(measures)

    def retrieve_single(self, measures: ArrayLike) -> tuple[bool, dict[str, Any]]:
        """The elite of the cell in which ``measures`` (measure_dim,) lies; see :meth:`retrieve`."""
        occupied, columns = self._at(_numpy().asarray(measures, dtype=float)[None])
        return bool(occupied[0]), {name: column[0] for name, column in columns.items()}

    def index_of_single(self, measures: ArrayLike) -> int:
        """The cell in which ``measures`` (measure_dim,) lies."""
        return int(self.index_of(_numpy().asarray(measures, dtype=float)[None])[0])

    def sample_elites(self, n: int, replace: bool = True) -> dict[str, NDArray[Any]]:
        """The columns of ``n`` elites, drawn uniformly; each at most once with ``replace=False``.

        Raises:
            ValueError: The archive is empty, or holds fewer than ``n`` without replacement.
        """
        return self._sample(n, replace)

    def data(self, fields: str | Collection[str] | None = None, return_type: str = "dict") -> Any:
        """All elites, in the order in which their cells were first filled.

        Args:
            fields: One column's name for that column alone, or several; default all (``field_list``).
            return_type: ``"dict"`` (name to array), ``"tuple"``, or ``"pandas"`` (a column for each number, such as
                ``solution_0``).
        """
        columns = self._all()
        if isinstance(fields, str):
            return columns[fields]
        chosen = {name: columns[name] for name in (self.field_list if fields is None else fields)}
        if return_type == "dict":
            return chosen
        if return_type == "tuple":
            return tuple(chosen.values())
        if return_type == "pandas":
            return _frame(chosen)
        raise ValueError(f"return_type is {return_type!r}, not 'dict', 'tuple' or 'pandas'")

    def cqd_score(
        self,
        iterations: int,
        target_points: ArrayLike,
        penalties: int | ArrayLike,
        obj_min: float,
        obj_max: float,
        dist_max: float,
        dist_ord: Any = None,
    ) -> CQDScoreResult:
        """The continuous QD score; see :func:`cqd_score`."""
        return cqd_score(
            self,
            iterations=iterations,
            target_points=target_points,
            penalties=penalties,
            obj_min=obj_min,
            obj_max=obj_max,
            dist_max=dist_max,
            dist_ord=dist_ord,
        )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        columns = self._all()
        for row in range(len(self)):
            yield {name: column[row] for name, column in columns.items()}

    def _repr_html_(self) -> str:
        return self._picture()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} of {self.cells} cells filled>"


class GridArchive(Archive):
    """A grid of even cells.

    Args:
        dims: How many cells each measure is cut into.
        ranges: Lowest and highest value of each measure; values outside go to the first and the last cell.

    The others are those of :class:`Archive`.
    """

    _dims: tuple[int, ...]

    def __new__(
        cls,
        *,
        solution_dim: int | tuple[int, ...],
        dims: Collection[int],
        ranges: Collection[tuple[float, float]],
        learning_rate: float | None = None,
        threshold_min: float = -math.inf,
        qd_score_offset: float = 0.0,
        seed: int | None = None,
        solution_dtype: DTypeLike | None = None,
        dtype: DTypeLike | None = None,
        extra_fields: Mapping[str, tuple[int | tuple[int, ...], DTypeLike]] | None = None,
        names: Sequence[str] | None = None,
    ) -> Self:
        """An empty grid."""
        if len(dims) != len(ranges):
            raise ValueError(f"dims (length {len(dims)}) and ranges (length {len(ranges)}) must be the same length")
        spans = _spans(ranges)
        counts = tuple(int(count) for count in dims)
        named = _named(names, len(counts))
        axes = [(name, (lo, hi, count)) for name, (lo, hi), count in zip(named, spans, counts, strict=True)]
        archive = cls._made(
            _samara.Cells.grid(axes),
            solution_dim=solution_dim,
            learning_rate=learning_rate,
            threshold_min=threshold_min,
            qd_score_offset=qd_score_offset,
            seed=seed,
            solution_dtype=solution_dtype,
            dtype=dtype,
            extra_fields=extra_fields,
        )
        archive._dims, archive._ranges = counts, spans
        return archive

    @property
    def dims(self) -> NDArray[np.int32]:
        """How many cells each measure is cut into."""
        dims: NDArray[np.int32] = _numpy().array(self._dims, dtype="int32")
        return dims

    @property
    def lower_bounds(self) -> NDArray[np.float64]:
        """The lowest value of each measure."""
        bounds: NDArray[np.float64] = _numpy().array([lo for lo, _ in self._ranges])
        return bounds

    @property
    def upper_bounds(self) -> NDArray[np.float64]:
        """The highest value of each measure."""
        bounds: NDArray[np.float64] = _numpy().array([hi for _, hi in self._ranges])
        return bounds

    @property
    def interval_size(self) -> NDArray[np.float64]:
        """The width of each measure's range."""
        size: NDArray[np.float64] = self.upper_bounds - self.lower_bounds
        return size

    @property
    def boundaries(self) -> list[NDArray[np.float64]]:
        """The edges of the cells of each measure, the outer ones included."""
        np = _numpy()
        return [np.linspace(lo, hi, count + 1) for (lo, hi), count in zip(self._ranges, self._dims, strict=True)]

    def grid_to_int_index(self, grid_indices: ArrayLike) -> NDArray[np.int64]:
        """Indices along each measure (n, measure_dim) as numbers of cells (n,)."""
        places = tuple(_numpy().asarray(grid_indices).T)
        cells: NDArray[np.int64] = _numpy().ravel_multi_index(places, self._dims)
        return cells

    def int_to_grid_index(self, int_indices: ArrayLike) -> NDArray[np.int64]:
        """Numbers of cells (n,) as indices along each measure (n, measure_dim)."""
        places = _numpy().unravel_index(_numpy().asarray(int_indices), self._dims)
        indices: NDArray[np.int64] = _numpy().stack(places, axis=-1)
        return indices


class TickArchive(Archive):
    """A grid whose cells lie between given ticks.

    Args:
        ticks: The inner edges of each measure, strictly increasing: n ticks make n + 1 cells, and a value on a tick belongs
            to the cell above it.

    The others are those of :class:`Archive`.
    """

    def __new__(
        cls,
        *,
        solution_dim: int | tuple[int, ...],
        ticks: Collection[Collection[float]],
        learning_rate: float | None = None,
        threshold_min: float = -math.inf,
        qd_score_offset: float = 0.0,
        seed: int | None = None,
        solution_dtype: DTypeLike | None = None,
        dtype: DTypeLike | None = None,
        extra_fields: Mapping[str, tuple[int | tuple[int, ...], DTypeLike]] | None = None,
        names: Sequence[str] | None = None,
    ) -> Self:
        """An empty grid."""
        edges = [[float(tick) for tick in one] for one in ticks]
        return cls._made(
            _samara.Cells.grid(list(zip(_named(names, len(edges)), edges, strict=True))),
            solution_dim=solution_dim,
            learning_rate=learning_rate,
            threshold_min=threshold_min,
            qd_score_offset=qd_score_offset,
            seed=seed,
            solution_dtype=solution_dtype,
            dtype=dtype,
            extra_fields=extra_fields,
        )


class CategoricalArchive(Archive):
    """A cell for each combination of categories.

    Args:
        categories: The names of the categories of each measure. A measure is the *index* of its category, 0 for the first.

    The others are those of :class:`Archive`.
    """

    _categories: list[list[str]]

    def __new__(
        cls,
        *,
        solution_dim: int | tuple[int, ...],
        categories: Collection[Collection[str]],
        learning_rate: float | None = None,
        threshold_min: float = -math.inf,
        qd_score_offset: float = 0.0,
        seed: int | None = None,
        solution_dtype: DTypeLike | None = None,
        dtype: DTypeLike | None = None,
        extra_fields: Mapping[str, tuple[int | tuple[int, ...], DTypeLike]] | None = None,
        names: Sequence[str] | None = None,
    ) -> Self:
        """An empty archive."""
        kinds = [[str(category) for category in one] for one in categories]
        archive = cls._made(
            _samara.Cells.grid(list(zip(_named(names, len(kinds)), kinds, strict=True))),
            solution_dim=solution_dim,
            learning_rate=learning_rate,
            threshold_min=threshold_min,
            qd_score_offset=qd_score_offset,
            seed=seed,
            solution_dtype=solution_dtype,
            dtype=dtype,
            extra_fields=extra_fields,
        )
        archive._categories = kinds
        return archive

    @property
    def categories(self) -> list[list[str]]:
        """The names of the categories of each measure."""
        return self._categories


class CVTArchive(Archive):
    """Cells around centroids (Vassiliades, Chatzilygeroudis & Mouret 2018): about equal volume in any dimension.

    Args:
        centroids: How many cells k-means makes, or the centroids themselves, an array (cells, measure_dim).
        ranges: Lowest and highest value of each measure.
        samples: Uniform samples that k-means clusters. Default 100,000.
        seed: Of k-means and of :meth:`sample_elites`. Default 0: cells are the same every time.

    The others are those of :class:`Archive`. With k-means, distances are measured in shares of the ranges.
    """

    def __new__(
        cls,
        *,
        solution_dim: int | tuple[int, ...],
        centroids: int | ArrayLike,
        ranges: Collection[tuple[float, float]],
        samples: int = 100_000,
        learning_rate: float | None = None,
        threshold_min: float = -math.inf,
        qd_score_offset: float = 0.0,
        seed: int | None = None,
        solution_dtype: DTypeLike | None = None,
        dtype: DTypeLike | None = None,
        extra_fields: Mapping[str, tuple[int | tuple[int, ...], DTypeLike]] | None = None,
        names: Sequence[str] | None = None,
    ) -> Self:
        """An empty archive."""
        spans = _spans(ranges)
        named = _named(names, len(spans))
        if isinstance(centroids, int):
            cells = _samara.Cells.kmeans(centroids, list(spans), samples, 0 if seed is None else seed, named)
        else:
            cells = _samara.Cells.around(centroids, list(spans), named)
        archive = cls._made(
            cells,
            solution_dim=solution_dim,
            learning_rate=learning_rate,
            threshold_min=threshold_min,
            qd_score_offset=qd_score_offset,
            seed=seed,
            solution_dtype=solution_dtype,
            dtype=dtype,
            extra_fields=extra_fields,
        )
        archive._ranges = spans
        return archive

    @property
    def centroids(self) -> NDArray[np.float64]:
        """The centroids, (cells, measure_dim)."""
        centroids = self._centroids()
        assert centroids is not None, "a CVT has centroids"
        return centroids

    @property
    def lower_bounds(self) -> NDArray[np.float64]:
        """The lowest value of each measure."""
        bounds: NDArray[np.float64] = _numpy().array([lo for lo, _ in self._ranges])
        return bounds

    @property
    def upper_bounds(self) -> NDArray[np.float64]:
        """The highest value of each measure."""
        bounds: NDArray[np.float64] = _numpy().array([hi for _, hi in self._ranges])
        return bounds


def cqd_score(
    archive: Archive,
    *,
    iterations: int,
    target_points: ArrayLike,
    penalties: int | ArrayLike,
    obj_min: float,
    obj_max: float,
    dist_max: float,
    dist_ord: Any = None,
) -> CQDScoreResult:
    """The continuous QD score (Kent & Branke 2022): what the archive offers near target points, whatever its cells.

    Args:
        archive: The archive.
        iterations: How often to compute it.
        target_points: Points in measure space, ``(iterations, n, measure_dim)``.
        penalties: Penalties of distance, or how many between 0 and 1.
        obj_min: The lowest objective, for normalising.
        obj_max: The highest objective.
        dist_max: The largest distance of two points in measure space.
        dist_ord: The norm's ``ord`` in ``numpy.linalg.norm``. Default: Euclidean.

    Raises:
        ValueError: Points or penalties of another shape.
    """
    np = _numpy()
    targets = np.array(target_points, dtype=float)
    if targets.ndim != 3 or targets.shape[0] != iterations or targets.shape[2] != archive.measure_dim:
        wanted = f"({iterations}, n, {archive.measure_dim})"
        raise ValueError(f"target_points has the shape {targets.shape}, not {wanted}")
    steps = np.linspace(0, 1, penalties) if isinstance(penalties, int) else np.array(penalties, dtype=float)
    if steps.ndim != 1:
        raise ValueError(f"penalties has the shape {steps.shape}, not that of a list")
    objective = archive.data("objective") / (obj_max - obj_min)
    measures = archive.data("measures")
    scores = np.zeros(iterations)
    for iteration, points in enumerate(targets):
        distance = np.linalg.norm(measures[:, None] - points, ord=dist_ord, axis=2) / dist_max
        for penalty in steps:
            scores[iteration] += (objective[:, None] - penalty * distance).max(axis=0).sum()
    mean = float(scores.mean())
    return CQDScoreResult(iterations, mean, scores, targets, steps, obj_min, obj_max, dist_max, dist_ord)


def _numpy() -> Any:
    """numpy, imported when it is first needed: ``import samara`` is quick."""
    import numpy

    return numpy


def _shape(dim: int | tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(size) for size in dim) if isinstance(dim, tuple) else (int(dim),)


def _is_float64(dtype: Any) -> bool:
    np = _numpy()
    return bool(np.dtype(dtype) == np.float64)


def _is_float(dtype: Any, name: str) -> bool:
    """Whether solutions are numbers; refuses what archives do not keep."""
    if dtype is None or _is_float64(dtype):
        return True
    if dtype is object or _numpy().dtype(dtype) == object:
        return False
    raise ValueError(f"{name} is {dtype!r}: archives keep float64 or object")


def _soft(learning_rate: float | None, threshold_min: float) -> tuple[float, float] | None:
    if threshold_min == -math.inf:
        if learning_rate is not None and learning_rate != 1.0:
            raise ValueError("learning_rate needs threshold_min\nhint: set both for soft thresholds (CMA-MAE)")
        return None
    if learning_rate is None:
        raise ValueError("threshold_min needs learning_rate\nhint: set both for soft thresholds (CMA-MAE)")
    return float(learning_rate), float(threshold_min)


def _spans(ranges: Collection[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(lo), float(hi)) for lo, hi in ranges)


def _named(names: Sequence[str] | None, count: int) -> list[str]:
    if names is None:
        return [f"measure {place}" for place in range(count)]
    if len(names) != count:
        raise ValueError(f"names has {len(names)} names for {count} measures")
    return [str(name) for name in names]


def _frame(columns: Mapping[str, Any]) -> Any:
    import pandas

    flat: dict[str, Any] = {}
    for name, column in columns.items():
        if column.ndim == 1:
            flat[name] = column
            continue
        places = itertools.product(*(range(size) for size in column.shape[1:]))
        flat.update({f"{name}_{'_'.join(map(str, place))}": column[(slice(None), *place)] for place in places})
    return pandas.DataFrame(flat)
