"""Runs: the experiments of the command line, with the same journals and the same hashes.

A run is a folder with one file, ``run.db``. :func:`run` makes one, :func:`open` looks at one, :func:`resume` goes on with
one, and ``samara show``, ``samara report`` and the other commands read the same folder.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from samara import _samara
from samara.archives import Archive
from samara.errors import Interrupted, SamaraError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from samara._hosting import Host
    from samara.environments import Environment
    from samara.evaluators import Evaluator

__all__ = ["Elite", "Event", "Run", "Running", "Table", "open", "resume", "run", "start"]

#: How long Python waits for news before it looks for a Ctrl-C, in seconds.
_PATIENCE = 0.05


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """A candidate has settled; the numbers of the archive are those behind it."""

    #: The candidate's number: 0, 1, 2, ...
    index: int
    #: ``new``, ``improved``, ``not_better``, ``invalid`` or ``failed``.
    fate: str
    #: Its objective; ``None`` if it has no score.
    objective: float | None
    #: Its measures; ``None`` if it has no score.
    measures: list[float] | None
    #: How it was made.
    operator: str
    #: Filled cells.
    cells_filled: int
    #: Filled cells / all cells.
    coverage: float
    #: The sum of the elites' objectives.
    qd_score: float
    #: The best objective so far; ``None`` before the first.
    best: float | None


class Elite(NamedTuple):
    """One of the best of a run's archive."""

    #: The candidate's number.
    candidate: int
    #: Its cell.
    cell: int
    #: Its objective.
    objective: float
    #: Its measures.
    measures: list[float]
    #: What it is: a text, a program, or a vector as a JSON array.
    text: str


class Table:
    """Columns of a run. Whatever reads Arrow takes it as it is: ``polars.DataFrame(table)``, ``pyarrow.table(table)``,
    DuckDB."""

    def __init__(self, columns: _samara.Table) -> None:
        """A table of these columns."""
        self._columns = columns

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return self._columns.column_names

    def __len__(self) -> int:
        return len(self._columns)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._columns.__arrow_c_stream__(requested_schema)

    def to_arrow(self) -> pyarrow.Table:
        """As a table of pyarrow, which must be installed."""
        import pyarrow

        return pyarrow.table(self)

    def to_pandas(self) -> pandas.DataFrame:
        """As a frame of pandas, which must be installed with pyarrow: ``pip install 'samara[pandas]'``."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """As a frame of polars, which must be installed: ``pip install 'samara[polars]'``."""
        import polars

        return polars.DataFrame(self)

    def __repr__(self) -> str:
        return f"<Table: {len(self)} rows of {', '.join(self.column_names)}>"


class Run:
    """A run as it is on disk, also while it goes on: everything is read when it is asked for, and nothing is run."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """The run in this folder.

        Raises:
            SamaraError: There is none, or it cannot be read.
        """
        self._recorded = _samara.Recorded(Path(path))

    @property
    def path(self) -> Path:
        """Its folder."""
        return self._recorded.path

    @property
    def summary(self) -> dict[str, Any]:
        """The run's numbers by name: ``candidates``, ``coverage``, ``qd_score``, ``best``, ``calls``, ``tokens``, ``cost``,
        ``ended`` (why the last session ended), ``digest`` (the archive's hash), and what it was."""
        return self._recorded.summary()

    @property
    def digest(self) -> str:
        """The archive's hash: equal for two runs exactly if they found the same."""
        return str(self.summary["digest"])

    @property
    def ended(self) -> str | None:
        """Why the last session ended: ``completed``, ``interrupted``, ...; ``None`` while it goes on."""
        ended = self.summary["ended"]
        return None if ended is None else str(ended)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that it began with."""
        import tomllib

        return tomllib.loads(self._recorded.settings())

    @property
    def candidates(self) -> Table:
        """Every candidate: index, fate, why, operator, parents, objective, cell, rank, text, model, island, horizon,
        copy_of, calls, tokens, price, ms and model_ms, then a column for each measure and, as ``metric.NAME``, for each
        metric."""
        return Table(self._recorded.candidates(False))

    @property
    def elites(self) -> Table:
        """The candidates that the archives hold, with the same columns."""
        return Table(self._recorded.candidates(True))

    @property
    def calls(self) -> Table:
        """Every model call, with its prompt and its answer."""
        return Table(self._recorded.calls())

    @property
    def curves(self) -> Table:
        """The run as it went: QD score, coverage, best and mean objective, and what was spent, after so many candidates."""
        return Table(self._recorded.curves())

    @property
    def archive(self) -> Archive:
        """A copy of the archive: the best elite of every cell. Solutions are texts, or lists of numbers."""
        cells, width, _ = self._recorded.cells()
        archive = Archive._made(
            cells,
            solution_dim=() if width is None else width,
            learning_rate=None,
            threshold_min=float("-inf"),
            qd_score_offset=float(self.settings.get("search", {}).get("qd_offset", 0.0)),
            seed=None,
            solution_dtype=object if width is None else None,
            dtype=None,
            extra_fields=None,
        )
        self._recorded.fill(archive)
        return archive

    @property
    def measures(self) -> list[str]:
        """The names of the measures."""
        return self._recorded.cells()[2]

    def best(self, n: int = 10) -> list[Elite]:
        """The best elites, one a cell, the best first."""
        return [Elite(*elite) for elite in self._recorded.best(n)]

    def artifacts(self, candidate: int) -> dict[str, str | bytes]:
        """What a candidate's evaluation left, by name: texts, pictures, its traceback, what was printed.

        Raises:
            SamaraError: The run has no candidate of this number.
        """
        return self._recorded.artifacts(candidate)

    def report(self, out: str | os.PathLike[str] | None = None, *, markdown: bool = False) -> str:
        """The run as one page of HTML, or as Markdown; written to ``out`` if that is given."""
        text = _samara.report([self.path], markdown)
        if out is not None:
            _samara.write(Path(out), text)
        return text

    def compare(self, *others: Run, markdown: bool = True) -> str:
        """This run beside others: the report of all of them, as Markdown or as a page of HTML."""
        return _samara.report([self.path, *(other.path for other in others)], markdown)

    def export(self, out: str | os.PathLike[str], *, kind: str = "jsonl", elites: bool = False) -> None:
        """Writes the run as another file.

        Args:
            out: The file; of ``openevolve`` the folder.
            kind: ``jsonl`` (all that is known), ``csv``, ``openelm`` (its ``history.jsonl``), ``settings`` (TOML) or
                ``openevolve``.
            elites: Only the candidates that the archives hold.
        """
        _samara.export(self.path, kind, elites, Path(out))

    def _repr_html_(self) -> str:
        return self._recorded.picture()

    def __repr__(self) -> str:
        told = self.summary
        filled = f"{told['cells_filled']} of {told['cells_total']} cells"
        return f"<Run {self.path}: {told['candidates']} candidates, {filled}, QD score {told['qd_score']:.6g}>"


class Running:
    """A run under way on threads of its own. Iterate over it to hear of candidates as they settle."""

    def __init__(self, running: _samara.Running) -> None:
        """A run under way."""
        self._running = running
        self._ended: tuple[Path, str] | None = None

    def stop(self) -> None:
        """Asks the run to finish the candidates that are alive and end; :meth:`wait` waits for that."""
        self._running.interrupt()

    def events(self) -> Iterator[Event]:
        """The candidates as they settle, until the run has ended."""
        while self._ended is None:
            yield from self._news(_PATIENCE)

    def __iter__(self) -> Iterator[Event]:
        return self.events()

    def wait(self) -> Run:
        """Waits for the end.

        Raises:
            SamaraError: The run stopped; what had settled is kept.
            Interrupted: Ctrl-C. The run has ended cleanly; a second Ctrl-C does not wait for that.
        """
        return self._follow(None)

    def _news(self, seconds: float) -> list[Event]:
        told, self._ended = self._running.poll(seconds)
        return [Event(*one) for one in told]

    def _follow(self, on_event: Callable[[Event], object] | None) -> Run:
        try:
            while self._ended is None:
                for event in self._news(_PATIENCE):
                    self._tell(event, on_event)
        except KeyboardInterrupt:
            raise Interrupted(self._stopped()) from None
        return Run(self._ended[0])

    def _tell(self, event: Event, on_event: Callable[[Event], object] | None) -> None:
        if on_event is None:
            return
        try:
            on_event(event)
        except Exception:
            self._stopped()
            raise

    def _stopped(self) -> Run:
        self.stop()
        while self._ended is None:
            self._news(_PATIENCE)
        return Run(self._ended[0])


def run(
    experiment: str | os.PathLike[str] | Environment | type[Environment],
    *,
    seed: int | None = None,
    set: Mapping[str, Any] | None = None,
    out: str | os.PathLike[str] | None = None,
    on_event: Callable[[Event], object] | None = None,
) -> Run:
    """Runs an experiment to its end.

    Args:
        experiment: A built-in one (``samara list`` names them), a TOML file, or an :class:`Environment` of your own (a
            class that needs no arguments will do).
        seed: The run's seed, ``search.seed``. Default: the experiment's.
        set: Settings that go over the experiment's, such as ``{"search.total_steps": 500}``.
        out: The run's folder. Default: the next free one below ``runs``.
        on_event: Called with an :class:`Event` for every candidate that settles, in order. What it raises ends the run.

    Raises:
        SamaraError: Settings that cannot be used, a model that cannot be reached, ...
        Interrupted: Ctrl-C. The run has ended cleanly, and :func:`resume` goes on with it.
    """
    return _begun(experiment, seed, set, out, on_event is not None)._follow(on_event)


def start(
    experiment: str | os.PathLike[str] | Environment | type[Environment],
    *,
    seed: int | None = None,
    set: Mapping[str, Any] | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Running:
    """The same in the background; arguments as :func:`run`."""
    return _begun(experiment, seed, set, out, True)


def resume(
    path: str | os.PathLike[str],
    *,
    set: Mapping[str, Any] | None = None,
    evaluator: Evaluator | Callable[..., Any] | None = None,
    environment: Environment | type[Environment] | None = None,
    on_event: Callable[[Event], object] | None = None,
) -> Run:
    """Goes on with a run: the same archive as if it had never been interrupted.

    Args:
        path: The run's folder.
        set: Settings that may change in a run, such as ``search.total_steps``.
        evaluator: The function that evaluates, of a run of :func:`samara.evolve` with one in processes or threads.
        environment: What is evolved, of a run of an :class:`Environment`.
        on_event: As for :func:`run`.

    Raises:
        SamaraError: As :func:`run`; a function or an environment of another text than the run's.
        Interrupted: As :func:`run`.
    """
    changes = _changes(None, set)
    if environment is not None and evaluator is not None:
        raise SamaraError("evaluator and environment: a run has one of them at most\nhint: leave one out", 2)
    if evaluator is None:
        host = None if environment is None else _hosted(environment)
        return Running(_samara.Running.resume(Path(path), changes, host, on_event is not None))._follow(on_event)
    from samara.evaluators import Evaluator

    given = evaluator if isinstance(evaluator, Evaluator) else Evaluator(evaluator)
    if given.isolate == "sandbox":
        raise SamaraError("evaluator: what evaluates in the sandbox is in the run\nhint: leave it out", 2)
    caller = given.caller()
    try:
        function = (given.text, caller)
        return Running(_samara.Running.resume(Path(path), changes, function, on_event is not None))._follow(on_event)
    finally:
        caller.close()


def open(path: str | os.PathLike[str]) -> Run:
    """The run in a folder. Nothing of it is run.

    Raises:
        SamaraError: There is none, or it cannot be read.
    """
    return Run(path)


def _hosted(environment: object) -> Host:
    from samara._hosting import hosted

    host = hosted(environment)
    if host is None:
        raise SamaraError(f"environment={environment!r} is no samara.Environment\nhint: give an object of such a class", 2)
    return host


def _begun(
    experiment: str | os.PathLike[str] | Environment | type[Environment],
    seed: int | None,
    set: Mapping[str, Any] | None,
    out: str | os.PathLike[str] | None,
    heard: bool,
) -> Running:
    folder = None if out is None else Path(out)
    if not isinstance(experiment, str | os.PathLike):
        host = _hosted(experiment)
        changes = [*_changes(None, host.settings), *_changes(seed, set)]
        name = type(host.environment).__name__
        return Running(_samara.Running.host(name, host, changes, folder, heard))
    return Running(_samara.Running.run(os.fspath(experiment), _changes(seed, set), folder, heard))


def _changes(seed: int | None, set: Mapping[str, Any] | None) -> list[str]:
    """Settings as the command line has them."""
    changes = [f"{key}={_toml(value)}" for key, value in (set or {}).items()]
    return changes if seed is None else [*changes, f"search.seed={seed}"]


def _toml(value: Any) -> str:
    """A value of settings as TOML."""
    import json

    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, str | os.PathLike):
        # The escapes of JSON are TOML's, too.
        return json.dumps(os.fspath(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
