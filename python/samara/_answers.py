"""How a function of Python is called, and what the host is told of it: as the harness of the sandbox would."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from samara import _samara
from samara._results import called, parts

# The text that the harness itself begins with: there is one way in which results are read.
_HARNESS: dict[str, Any] = {"__name__": "samara.answer"}
exec(compile(_samara.ANSWER, "<samara: answer.py>", "exec"), _HARNESS)

# Modules whose frames stand before those of a function.
_OWN = (__name__, called.__module__, "samara._hosting")

_TOLD = {"ran": "evaluate", "stages": [], "wants_artifacts": True}


def takes_seed(function: Callable[..., object]) -> bool:
    """Whether a function takes a seed behind the program."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(None, 0)
    except TypeError:
        return False
    return True


def arguments(request: Mapping[str, Any], files: Mapping[str, str], seed: int, seeded: bool) -> tuple[Any, ...]:
    """What a function is called with: the program's text, or its files by their paths, and a seed."""
    program = dict(files) if request["several"] else next(iter(files.values()))
    # The first number of the stream that the sandbox seeds: a function gets the same seed wherever it runs.
    return (program, random.Random(seed).getrandbits(63)) if seeded else (program,)


def answer(function: Callable[..., object], given: tuple[Any, ...], axes: list[str]) -> str:
    """Calls a function and says what came of it, as JSON."""
    try:
        return measured(called(function, given), axes)
    except BaseException as error:  # a candidate that exits is one that raised SystemExit
        return raised(error)


async def answer_async(function: Callable[..., Awaitable[object]], given: tuple[Any, ...], axes: list[str]) -> str:
    """The same of a coroutine function, on the loop that runs."""
    import asyncio

    try:
        return measured(await function(*given), axes)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return raised(error)


def measured(result: object, axes: list[str]) -> str:
    """What a function returned, as JSON."""
    try:
        return json.dumps({**_TOLD, **_HARNESS["answer"](*parts(result, axes))})
    except (TypeError, ValueError, _HARNESS["EvaluatorFault"]) as error:
        return json.dumps({**_TOLD, "trouble": _HARNESS["sendable"](str(error))})


def raised(error: BaseException) -> str:
    """What a function raised, as JSON."""
    return json.dumps({**_TOLD, "raised": told(error)})


def told(error: BaseException) -> dict[str, str]:
    """What is told of an exception: its ``kind``, ``message`` and ``traceback``."""
    # The frames of samara at the beginning help nobody.
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__name__") in _OWN:
        trace = trace.tb_next
    one: dict[str, str] = _HARNESS["raised"](error.with_traceback(trace))
    return one
