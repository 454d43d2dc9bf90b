"""Evolving a program: what ``samara evolve`` does, under a function of Python or an evaluator's file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from samara import _samara
from samara.errors import SamaraError
from samara.evaluators import Evaluator
from samara.runs import Event, Run, Running, _changes

__all__ = ["evolve"]


def evolve(
    initial: str | os.PathLike[str] | Mapping[str, str],
    evaluator: Evaluator | Callable[..., Any] | os.PathLike[str],
    *,
    iterations: int | None = None,
    model: str | Sequence[str] | None = None,
    axes: Sequence[Mapping[str, Any]] | None = None,
    seed: int | None = None,
    preset: str | None = None,
    set: Mapping[str, Any] | None = None,
    file: str = "program.py",
    name: str | None = None,
    out: str | os.PathLike[str] | None = None,
    on_event: Callable[[Event], object] | None = None,
) -> Run:
    """Evolves a program, and returns the run when it has ended.

    The run is that of ``samara evolve``, hash for hash, if a function says what the evaluator's file would say.

    Args:
        initial: The program to begin with: its text, a :class:`~pathlib.Path` (a file, or a folder of several), or several
            files' texts by their paths.
        evaluator: What says how good a program is: a function, best with :func:`samara.evaluator`; or the path of an
            evaluator's file.
        iterations: Programs to evaluate beside the initial one. Default: ``search.total_steps``.
        model: Who writes programs, such as ``"ollama:qwen2.5-coder"``; of several one is drawn each time. Default:
            nobody, samara's own edits vary programs.
        axes: The archive's, such as ``[{"name": "length", "bins": 10}]``; measures are metrics of these names, scaled to
            0..1 by what had settled when a candidate was planned. Default: those of the preset.
        seed: The run's seed, ``search.seed``.
        preset: Whose defaults to take: ``samara``, ``openevolve``, ``shinka`` or ``levi``.
        set: Settings that go over all others, such as ``{"search.window": 8}``.
        file: The name of the program's file where ``initial`` is a text: its ending says which language it is in.
        name: The experiment's name. Default: the evaluator's.
        out: The run's folder. Default: the next free one below ``runs``.
        on_event: Called with an :class:`Event` for every candidate that settles, in order. What it raises ends the run.

    Raises:
        SamaraError: Settings that cannot be used, a function that gives the initial program no score, ...
        Interrupted: Ctrl-C. The run has ended cleanly, and :func:`resume` goes on with it.
    """
    rated = _rated(evaluator)
    changes = {**({} if rated is None else rated.settings), **({} if axes is None else {"axes": [*axes]})}
    caller = None
    rating: object
    if rated is None:
        rating = Path(os.fspath(evaluator))  # type: ignore[arg-type]
    elif rated.isolate == "sandbox":
        rating = (rated.sandboxed(_names(axes)),)
    else:
        caller = rated.caller()
        rating = (rated.name, rated.text, caller)
    options = {
        "name": name or ("evolve" if rated is None else rated.name),
        "program": _program(initial, file),
        "rating": rating,
        "iterations": iterations,
        "models": [model] if isinstance(model, str) else [*(model or ())],
        "preset": preset,
        "set": [*_changes(None, changes), *_changes(seed, set)],
        "out": None if out is None else Path(out),
    }
    try:
        return Running(_samara.Running.evolve(options, on_event is not None))._follow(on_event)
    finally:
        if caller is not None:
            caller.close()


def _rated(evaluator: Evaluator | Callable[..., Any] | os.PathLike[str]) -> Evaluator | None:
    if isinstance(evaluator, str):
        raise SamaraError(f"evaluator={evaluator!r} is a text\nhint: name a file as pathlib.Path({evaluator!r})", 2)
    if isinstance(evaluator, os.PathLike):
        return None
    return evaluator if isinstance(evaluator, Evaluator) else Evaluator(evaluator)


def _program(initial: str | os.PathLike[str] | Mapping[str, str], file: str) -> object:
    if isinstance(initial, str):
        return {file: initial}
    if isinstance(initial, Mapping):
        return dict(initial)
    return Path(initial)


def _names(axes: Sequence[Mapping[str, Any]] | None) -> list[str] | None:
    return None if axes is None else [str(axis["name"]) for axis in axes]
