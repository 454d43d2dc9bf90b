"""What calls an environment of Python for the engine."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from samara import _answers, _samara
from samara._results import called
from samara.environments import Candidate, Context, Environment, Invalid, Plan, State, _parent, _read, _written
from samara.errors import SamaraError, Unanswered

#: How a function ended: ``made``, ``invalid`` or ``failed``; what it made, or why there is nothing; its traceback.
Ended = tuple[str, Any, str]

#: A candidate as the engine tells of it: index, solution, objective, measures, metrics.
Known = tuple[int, "str | list[float]", "float | None", list[float], dict[str, float]]


class Host:
    """An environment, as the engine calls it."""

    def __init__(self, environment: Environment) -> None:
        """The host of an environment, which is looked at here once."""
        self.environment = environment
        #: The class and its values, for the record.
        self.text = text(environment)
        self._asks = [*environment.asks]
        self._axes = [str(axis["name"]) for axis in environment.axes]

    @property
    def settings(self) -> dict[str, Any]:
        """What of the environment is settings."""
        of = self.environment
        if not of.axes:
            hint = 'such as axes = [{"name": "length", "range": [0, 80], "bins": 8}]'
            raise SamaraError(f"{type(of).__name__}.axes: an archive needs an axis\nhint: {hint}", 2)
        if of.solution not in ("text", "json", "vector"):
            raise SamaraError(f"{type(of).__name__}.solution: {of.solution!r}\nhint: text, json or vector", 2)
        told: dict[str, Any] = {"axes": [*of.axes], "environment.class": type(of).__name__, "environment.asks": self._asks}
        if of.timeout is not None:
            told["environment.timeout_s"] = float(of.timeout)
        return {**told, **of.settings}

    def set_up(self, asker: _samara.Asker) -> Ended:
        """The initial pool."""

        def make() -> list[str]:
            pool = called(self.environment.set_up, (self._context(asker),))
            if isinstance(pool, str) or not all(isinstance(one, str) for one in pool):
                raise TypeError("set_up returned something else than a list of texts")
            return [*pool]

        return _ended("set_up", make)

    def island(self, pool: list[str]) -> Island:
        """The plans and the memory of an island."""
        return Island(self.environment, pool)

    def write(self, operator: str, parents: list[Known], data: str, asker: _samara.Asker) -> Ended:
        """Carries a plan out."""
        told = json.loads(data)
        if "failed" in told:
            return ("failed", told["failed"], told.get("traceback", ""))
        plan = Plan(operator, [_parent(one, self.environment) for one in parents], told["data"])

        def make() -> str | list[float]:
            return _written(called(self.environment.write, (plan, self._context(asker))), self.environment)

        return _ended("write", make)

    def evaluate(self, solution: str | list[float], asker: _samara.Asker) -> Ended:
        """What an evaluator's harness would answer."""
        try:
            given = (_read(solution, self.environment), self._context(asker))
            return ("made", _answers.measured(called(self.environment.evaluate, given), self._axes), "")
        except Invalid as error:
            return ("invalid", _line(str(error) or "it is invalid"), "")
        except Unanswered as error:
            return ("failed", str(error), "")
        except BaseException as error:  # a candidate that exits is one that raised SystemExit
            return ("made", _answers.raised(error), "")

    def _context(self, asker: _samara.Asker) -> Context:
        return Context(asker, self._asks)


class Island:
    """The plans and the memory of an island."""

    def __init__(self, environment: Environment, pool: list[str]) -> None:
        """An island before the first candidate."""
        self._environment, self._pool = environment, pool
        self._memory: dict[str, Any] = {}
        self._broken: str | None = None
        #: Whether it wants to hear of what settles.
        self.learns = type(environment).learn is not Environment.learn

    def plan(self, outlook: _samara.Outlook, fresh: bool) -> tuple[str, list[int], str]:
        """A plan's operator, the indices of its parents, and what else it holds, as JSON."""
        if self._broken is not None:
            return ("plan", [], self._broken)

        def make() -> tuple[str, list[int], str]:
            plan = self._environment.plan(State(outlook, fresh, self._pool, self._memory, self._environment))
            if not isinstance(plan, Plan):
                raise TypeError(f"plan returned {type(plan).__name__}, which is no samara.Plan")
            data = json.dumps({"data": plan.data}, ensure_ascii=False, allow_nan=False)
            data.encode()
            return (str(plan.operator), [parent.index for parent in plan.parents], data)

        ending, made, traceback = _ended("plan", make)
        return made if ending == "made" else ("plan", [], _failed(made, traceback))

    def learn(
        self,
        index: int,
        solution: str | list[float] | None,
        objective: float | None,
        measures: list[float],
        metrics: dict[str, float],
        how: tuple[str, str],
    ) -> None:
        """Hears of a candidate. What that raises is the fate of all that is planned after it."""
        fate, operator = how

        def make() -> None:
            read = None if solution is None else _read(solution, self._environment)
            candidate = Candidate(index, fate, operator, read, objective, measures, metrics)
            self._environment.learn(self._memory, candidate)

        if self._broken is None:
            ending, why, traceback = _ended("learn", make)
            self._broken = None if ending == "made" else _failed(why, traceback)


def hosted(given: object) -> Host | None:
    """The host of an environment, or of a class that needs no arguments; ``None`` of anything else."""
    if isinstance(given, type) and issubclass(given, Environment):
        given = given()
    return Host(given) if isinstance(given, Environment) else None


def text(environment: Environment) -> str:
    """The class of an environment, with the values of the object that JSON can write."""
    values = {}
    for name, value in sorted(vars(environment).items()):
        try:
            values[name] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError):
            values[name] = f"a value of {type(value).__name__}, which is not recorded"
    classes = [one for one in type(environment).__mro__ if one not in (object, *Environment.__mro__)]
    head = f"# {type(environment).__name__} with {json.dumps(values, ensure_ascii=False)}\n"
    return "\n".join([head, *(_source(one) for one in reversed(classes))])


def _source(of: type) -> str:
    try:
        return inspect.getsource(of)
    except (OSError, TypeError):
        pass
    # A class of a notebook: its functions know where they are from.
    parts = [f"# class {of.__name__}\n"]
    for name, value in vars(of).items():
        try:
            parts.append(inspect.getsource(value))
        except (OSError, TypeError):
            if not name.startswith("__") and isinstance(value, str | int | float | list | tuple | Mapping):
                parts.append(f"{name} = {value!r}\n")
    return "".join(parts)


def _ended(stage: str, make: Callable[[], Any]) -> Ended:
    try:
        return ("made", make(), "")
    except Invalid as error:
        return ("invalid", _line(str(error) or "it is invalid"), "")
    except Unanswered as error:
        return ("failed", str(error), "")
    except BaseException as error:  # SystemExit, too
        told = _answers.told(error)
        message = f": {told['message']}" if told["message"] else ""
        return ("failed", _line(f"{stage} raised {told['kind']}{message}"), told["traceback"])


def _failed(why: str, traceback: str) -> str:
    return json.dumps({"failed": why, "traceback": traceback}, ensure_ascii=False)


def _line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0][:300] if lines else ""
