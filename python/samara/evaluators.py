"""Own evaluators: functions of Python that say how good a program is.

:func:`evaluator` says how a function is kept apart from this process, :func:`samara.evolve` evolves a program under it.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, overload

from samara.errors import SamaraError

__all__ = ["Evaluator", "Isolation", "Score", "evaluator"]

#: How a function is kept apart; see :func:`evaluator`.
Isolation = Literal["process", "thread", "sandbox"]


@dataclasses.dataclass(frozen=True)
class Score:
    """How good a program is, and what it is like."""

    #: The score, higher is better. A number that is not finite makes the program invalid.
    objective: float
    #: Measures by the names of the archive's axes, or in their order. Default: none, for axes that samara measures itself.
    measures: Mapping[str, float] | Sequence[float] = ()
    #: Further numbers by name, which are recorded.
    metrics: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    #: Texts or bytes by name, which models are shown.
    artifacts: Mapping[str, str | bytes] = dataclasses.field(default_factory=dict)


class Caller(Protocol):
    """What calls a function for the engine."""

    #: How evaluations are kept apart and what runs them, for the record.
    isolation: str

    def __call__(
        self, request: str, files: dict[str, str], seed: int, seconds: float, output: int
    ) -> tuple[str, str, str, str]:
        """How an evaluation ended, what is to be said of that, and what was printed to both streams."""
        ...

    def close(self) -> None:
        """Ends what was started for it."""
        ...


class Evaluator:
    """A function that evaluates, with how it is kept apart. Calling it calls the function."""

    def __init__(
        self, function: Callable[..., Any], *, isolate: Isolation = "process", timeout: float | None = None,
        slots: int | None = None,
    ) -> None:
        """See :func:`evaluator`."""
        if isolate not in ("process", "thread", "sandbox"):
            raise ValueError(f"isolate={isolate!r}: choose 'process', 'thread' or 'sandbox'")
        if not callable(function):
            raise TypeError(f"{function!r} is no function")
        #: The function.
        self.function = function
        #: How it is kept apart.
        self.isolate = isolate
        #: Seconds of an evaluation; ``None`` for the setting ``environment.evaluation.timeout_s``.
        self.timeout = timeout
        #: Evaluations at once; ``None`` for ``environment.evaluation.slots``.
        self.slots = slots
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.function(*arguments, **named)

    @property
    def name(self) -> str:
        """The function's name."""
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    @property
    def text(self) -> str:
        """The function's text, as it is recorded; if there is none, a line that says so."""
        try:
            return inspect.getsource(self.function)
        except (OSError, TypeError):
            return f"# {self.name}: its text is not known\n"

    @property
    def settings(self) -> dict[str, Any]:
        """What of this is settings."""
        told: dict[str, Any] = {}
        if self.timeout is not None:
            told["environment.evaluation.timeout_s"] = float(self.timeout)
        if self.slots is not None:
            told["environment.evaluation.slots"] = int(self.slots)
        if self.isolate == "sandbox":
            inside = sys.prefix != sys.base_prefix
            told["environment.evaluation.python"] = sys.prefix if inside else sys.executable
        return told

    def caller(self) -> Caller:
        """What calls the function for the engine, in a thread or a child interpreter."""
        from samara import _callers

        if self.isolate == "thread":
            return _callers.Loop(self.function) if self._is_async else _callers.Threads(self.function)
        return _callers.Children(self.function, self.pickled())

    @property
    def _is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function) or inspect.iscoroutinefunction(
            getattr(self.function, "__call__", None)
        )

    def pickled(self) -> bytes:
        """The function as another interpreter reads it, also if it is of a notebook.

        Raises:
            SamaraError: It holds something that can't be pickled, such as an open file.
        """
        import cloudpickle

        try:
            return bytes(cloudpickle.dumps(self.function))
        except Exception as error:
            hint = "make what can't be pickled inside the function, or isolate it in a thread: isolate='thread'"
            raise SamaraError(f"{self.name} can't be sent to another interpreter: {error}\nhint: {hint}", 2) from error

    def sandboxed(self, axes: Sequence[str] | None) -> str:
        """The text of an evaluator's file for the sandbox, which has the function in it, pickled."""
        import base64

        from samara import _answers, _results

        body = base64.b64encode(_of_its_own_module(self)).decode()
        lines = "\n".join(f'    "{body[start : start + 100]}"' for start in range(0, len(body), 100))
        return _SANDBOXED.format(
            name=self.name.replace("\n", " "),
            results=inspect.getsource(_results),
            body=lines,
            seeded=_answers.takes_seed(self.function),
            axes=None if axes is None else list(axes),
        )

    def __repr__(self) -> str:
        return f"<Evaluator {self.name}: isolate={self.isolate!r}>"


@overload
def evaluator(function: Callable[..., Any], /) -> Evaluator: ...
@overload
def evaluator(
    function: None = None, /, *, isolate: Isolation = ..., timeout: float | None = ..., slots: int | None = ...
) -> Callable[[Callable[..., Any]], Evaluator]: ...
def evaluator(
    function: Callable[..., Any] | None = None,
    /,
    *,
    isolate: Isolation = "process",
    timeout: float | None = None,
    slots: int | None = None,
) -> Evaluator | Callable[[Callable[..., Any]], Evaluator]:
    """Makes a function an evaluator: ``@samara.evaluator`` or ``@samara.evaluator(isolate="thread")``.

    The function takes the program's text (of a program of several files a dict of their texts by path) and, if it wants
    one, a seed, which follows from the program. It returns a number, a dict of metrics (of which ``combined_score`` is
    the score), or a :class:`Score`; it may be ``async``. What it raises makes the program invalid, with its traceback in
    the journal.

    Args:
        isolate: ``process``: in child interpreters, which a crash or a limit of time ends without harm; they keep what
            the function leaves in global variables. ``thread``: in this process, for functions that wait or that
            release the interpreter's lock; a function that is late is left behind. Coroutine functions share one event
            loop. ``sandbox``: in the sandbox of evaluators, which is the one that holds against hostile programs.
        timeout: Seconds of an evaluation. Default: ``environment.evaluation.timeout_s``, 300.
        slots: Evaluations at once. Default: the machine's cores.
    """
    if function is not None:
        return Evaluator(function)
    return lambda function: Evaluator(function, isolate=isolate, timeout=timeout, slots=slots)


def _of_its_own_module(evaluator: Evaluator) -> bytes:
    """The function with its module, unless that is installed: the sandbox does not see where this program has it."""
    import sysconfig

    import cloudpickle

    module = sys.modules.get(getattr(evaluator.function, "__module__", ""))
    place = getattr(module, "__file__", None)
    installed = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    own = place is not None and not any(os.path.realpath(place).startswith(os.path.realpath(one)) for one in installed)
    if module is None or not own or module.__name__ == "__main__":
        return evaluator.pickled()
    cloudpickle.register_pickle_by_value(module)
    try:
        return evaluator.pickled()
    finally:
        cloudpickle.unregister_pickle_by_value(module)


_SANDBOXED = '''# The function {name}, pickled by samara.evolve.
import base64
import os
import random

import cloudpickle
from openevolve.evaluation_result import EvaluationResult

{results}

FUNCTION = cloudpickle.loads(base64.b64decode(
{body}
))


def evaluate(program_path):
    seed = random.getrandbits(63)
    folder, texts = "/tmp/candidate", {{}}
    for place, folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, encoding="utf-8", newline="") as file:
                texts[os.path.relpath(path, folder)] = file.read()
    program = dict(sorted(texts.items())) if len(texts) > 1 else next(iter(texts.values()))
    result = called(FUNCTION, (program, seed) if {seeded} else (program,))
    metrics, artifacts = parts(result, {axes})
    return EvaluationResult(metrics, artifacts)
'''
