"""Environments of your own: what is evolved, as a class of Python.

A class says how a candidate is planned, written and evaluated; models are asked through the context that it is given.
:func:`samara.run`, :func:`samara.start` and :func:`samara.resume` take an environment as they take an experiment.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Literal

from samara import _samara
from samara.errors import SamaraError

__all__ = ["Candidate", "Context", "Environment", "Invalid", "Parent", "Plan", "State"]


class Environment:
    """What is evolved. A class of yours defines :meth:`write` and :meth:`evaluate`, and the rest as it needs it.

    Candidates are made side by side, in threads, and share the object: what a method does must follow from what it is
    given, and chance must come from ``state.random`` and ``context.random``. Then the run is the same, hash for hash, for
    any number of candidates in flight. What a method raises is a fate, with its traceback in the journal: of
    :meth:`evaluate` the candidate is invalid, of the others it has failed, and ``search.max_failures`` failures in a row
    end the run.

    The run records the text of the class and the values of the object that JSON can write: :func:`samara.resume` takes no
    other ones.
    """

    #: The archive's axes, such as ``[{"name": "length", "range": [0, 80], "bins": 8}]``, with the keys of ``[[axes]]``.
    axes: Sequence[Mapping[str, Any]] = ()
    #: Settings, such as ``{"search.total_steps": 500, "models.generator": "embedded"}``; those of :func:`samara.run` go
    #: over them.
    settings: Mapping[str, Any] = {}
    #: What is asked of models: ``generator`` (:meth:`Context.complete`), ``judge`` (:meth:`Context.score`), ``answers``
    #: (:meth:`Context.answer`, of the judge) and ``embedder`` (:meth:`Context.embed`).
    asks: Sequence[Literal["generator", "judge", "answers", "embedder"]] = ()
    #: What is evolved: a ``text``, anything that ``json`` can write, or a ``vector`` of numbers.
    solution: Literal["text", "json", "vector"] = "text"
    #: Seconds that one call of a method may take beside waiting for models; a late one is left behind. Default: any.
    timeout: float | None = None

    def set_up(self, context: Context) -> Sequence[str]:
        """Texts to begin with, made once before the first candidate and never again, also not on resume: ``state.pool``."""
        return ()

    def plan(self, state: State) -> Plan:
        """Plans a candidate. It is called on the search's own thread, so it should be quick; it can ask no model. Default:
        from nothing at first (``search.init_steps``), then from one elite."""
        return Plan("create") if state.fresh else Plan("vary", state.select())

    def write(self, plan: Plan, context: Context) -> Any:
        """Writes the candidate that was planned: a value of the kind that :attr:`solution` says. May be ``async``."""
        raise NotImplementedError(f"{type(self).__name__} has no write")

    def evaluate(self, solution: Any, context: Context) -> Any:
        """How good a solution is: a :class:`samara.Score`, or a dict with ``combined_score`` and a metric for each axis. May
        be ``async``."""
        raise NotImplementedError(f"{type(self).__name__} has no evaluate")

    def learn(self, memory: dict[str, Any], candidate: Candidate) -> None:
        """Hears of every candidate that has settled, in their order, and may keep what follows in ``memory``, which later
        plans see. A run that goes on hears of all candidates again."""


class Invalid(Exception):
    """Raised by :meth:`Environment.write` or :meth:`Environment.evaluate`: the candidate is invalid, for this reason, and
    the run goes on. No traceback is kept: it is no fault of the class."""


@dataclasses.dataclass(frozen=True, slots=True)
class Parent:
    """An elite, as it stood in the archive when a candidate was planned from it."""

    #: The number of the candidate.
    index: int
    #: What it is.
    solution: Any
    #: Its objective.
    objective: float
    #: Its measures, in the order of the axes.
    measures: list[float]
    #: The further numbers of its score, by name.
    metrics: dict[str, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate that has settled."""

    #: Its number.
    index: int
    #: ``new``, ``improved``, ``not_better``, ``invalid`` or ``failed``.
    fate: str
    #: How it was made.
    operator: str
    #: What it is; ``None`` if nothing was written.
    solution: Any
    #: Its objective; ``None`` if it has no score.
    objective: float | None
    #: Its measures, in the order of the axes; none if it has no score.
    measures: list[float]
    #: The further numbers of its score, by name.
    metrics: dict[str, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What a candidate is made from; :meth:`Environment.write` carries it out."""

    #: How it is made, in a word of yours, which the journal keeps.
    operator: str
    #: The elites that it descends from: of those that :class:`State` has.
    parents: Sequence[Parent] = ()
    #: What else it is made from: anything that JSON can write.
    data: Any = None


class _Elites(Sequence[Parent]):
    """The elites of an outlook, read one by one."""

    def __init__(self, outlook: _samara.Outlook, environment: Environment) -> None:
        self._outlook, self._environment = outlook, environment

    def __len__(self) -> int:
        return len(self._outlook)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        count = len(self)
        if not -count <= place < count:
            raise IndexError(f"there are {count} elites")
        return _parent(self._outlook.at(place % count), self._environment)


class State:
    """What a candidate is planned from. It is the same for any number of candidates in flight."""

    #: Whether the candidate is to be created, and not varied from elites. If not, there is an elite.
    fresh: bool
    #: What :meth:`Environment.set_up` made.
    pool: list[str]
    #: What :meth:`Environment.learn` keeps, ``{}`` at first. Only read it here.
    memory: dict[str, Any]

    def __init__(
        self, outlook: _samara.Outlook, fresh: bool, pool: list[str], memory: dict[str, Any], environment: Environment
    ) -> None:
        """Made by samara."""
        self._outlook, self._environment = outlook, environment
        self._random: Random | None = None
        self.fresh, self.pool, self.memory = fresh, pool, memory

    @property
    def index(self) -> int:
        """The candidate's number."""
        return self._outlook.index

    @property
    def elites(self) -> Sequence[Parent]:
        """The elites of its island, in the order of cells."""
        return _Elites(self._outlook, self._environment)

    @property
    def best(self) -> Parent | None:
        """The elite with the highest objective, of equals the earliest; ``None`` if there is no elite."""
        place = self._outlook.best()
        return None if place is None else self.elites[place]

    def select(self, count: int = 1) -> list[Parent]:
        """So many elites, drawn uniformly, one independent of the other; none if there is no elite."""
        elites = self.elites
        return [elites[place] for place in self._outlook.draw(count)]

    @property
    def random(self) -> Random:
        """Where chance is to come from: the candidate's own."""
        if self._random is None:
            self._random = Random(self._outlook.seed())
        return self._random


class Context:
    """A candidate's access to models. Every call gets a seed of the candidate's own, counts for the budget, and is in
    ``run.calls``. Ask one question after the other: their order decides their seeds."""

    #: Where chance is to come from: the candidate's own.
    random: Random

    def __init__(self, asker: _samara.Asker, asks: Sequence[str]) -> None:
        """Made by samara."""
        self._asker, self._asks = asker, asks
        self.random = Random(asker.seed())

    def complete(
        self,
        prompt: str,
        *,
        instructions: str | None = None,
        max_tokens: int = 256,
        temperature: float = 1.0,
        top_p: float = 1.0,
        stop: Sequence[str] = (),
    ) -> str:
        """What the generator writes.

        Args:
            prompt: What it goes on from.
            instructions: What a model that answers in a chat is told above the prompt. Models that continue a text never
                see it.
            max_tokens: Most tokens to write.
            temperature: 0 is greedy, 1 the model's own distribution.
            top_p: The probability mass that tokens are drawn from, above 0 to 1.
            stop: Texts that end what is written, and are no part of it.

        Raises:
            Unanswered: The model gave no answer.
        """
        self._needs("generator", "complete")
        return self._asker.complete(prompt, instructions, _manner(max_tokens, temperature, top_p, stop))

    def answer(
        self,
        prompts: Sequence[str],
        *,
        instructions: str | None = None,
        max_tokens: int = 256,
        temperature: float = 1.0,
        top_p: float = 1.0,
        stop: Sequence[str] = (),
    ) -> list[str]:
        """What the judge writes after each of these prompts, all asked at once; arguments as :meth:`complete`.

        Raises:
            Unanswered: The model gave no answer to one of them.
        """
        self._needs("answers", "answer")
        return self._asker.answer(list(prompts), instructions, _manner(max_tokens, temperature, top_p, stop))

    def score(self, prompt: str, answers: Sequence[str]) -> dict[str, float]:
        """How probable the judge holds each of two or more answers, as they would follow the prompt; together 1.

        Raises:
            Unanswered: The model gave no answer.
        """
        return self.scores([(prompt, answers)])[0]

    def scores(self, questions: Sequence[tuple[str, Sequence[str]]]) -> list[dict[str, float]]:
        """The same of several questions, prompts with their answers, all asked at once.

        Raises:
            Unanswered: The model gave no answer to one of them.
        """
        self._needs("judge", "score")
        asked = [(prompt, list(answers)) for prompt, answers in questions]
        told = self._asker.score(asked)
        return [dict(zip(answers, shares, strict=True)) for (_, answers), shares in zip(asked, told, strict=True)]

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The embedder's vector for each text.

        Raises:
            Unanswered: The model gave no answer.
        """
        self._needs("embedder", "embed")
        return self._asker.embed(list(texts))

    def _needs(self, what: str, method: str) -> None:
        if what not in self._asks:
            hint = f"add {what!r} to asks of the class"
            raise SamaraError(f"context.{method}: the environment does not ask {what!r}\nhint: {hint}", 2)


def _manner(max_tokens: int, temperature: float, top_p: float, stop: Sequence[str]) -> tuple[int, float, float, list[str]]:
    if max_tokens < 1 or temperature < 0 or not 0 < top_p <= 1:
        raise ValueError(f"max_tokens={max_tokens}, temperature={temperature}, top_p={top_p}: one is out of its range")
    if isinstance(stop, str):
        raise TypeError("stop is a text: give a list of texts")
    return max_tokens, float(temperature), float(top_p), list(stop)


def _parent(known: tuple[int, str | list[float], float | None, list[float], dict[str, float]], of: Environment) -> Parent:
    index, solution, objective, measures, metrics = known
    return Parent(index, _read(solution, of), float("nan") if objective is None else objective, measures, metrics)


def _read(solution: str | list[float], of: Environment) -> Any:
    """A solution as the environment has it."""
    import json

    return json.loads(solution) if of.solution == "json" and isinstance(solution, str) else solution


def _written(solution: Any, of: Environment) -> str | list[float]:
    """A solution as the journal has it."""
    import json

    if of.solution == "json":
        text = json.dumps(solution, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    elif of.solution == "vector":
        return [float(number) for number in solution]
    elif isinstance(solution, str):
        text = solution
    else:
        raise TypeError(f"write returned {type(solution).__name__}, and solution is 'text'")
    text.encode()  # a text with half a character can't be kept
    return text
