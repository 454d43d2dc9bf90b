# What a function of Python may return, as metrics and artifacts. Part of the evaluators that samara.evolve writes for
# the sandbox, too: it imports nothing of the package.

from collections.abc import Callable, Sequence
from typing import Any


def called(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What a function returns; of a coroutine what it comes to, on an event loop of its own."""
    result = function(*arguments)
    if not hasattr(result, "__await__"):
        return result
    import asyncio

    async def wait() -> Any:
        return await result

    return asyncio.run(wait())


def parts(result: Any, axes: Sequence[str] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The metrics and artifacts of a number, a dict of metrics, or a `samara.Score`; `axes` are the archive's names."""
    if isinstance(result, dict):
        return result, {}
    if not hasattr(result, "objective"):
        if result is None or isinstance(result, (bool, str, bytes, list, tuple, set)):
            raise TypeError(f"the function returned {type(result).__name__}, which is no number, dict or samara.Score")
        return {"combined_score": result}, {}
    measures = result.measures
    if not hasattr(measures, "keys"):
        measures = [float(measure) for measure in measures]
        if axes is None and measures:
            raise TypeError("Score.measures has no names: give a dict, such as {'length': 12}")
        names = axes or ()
        if measures and len(measures) != len(names):
            raise TypeError(f"Score.measures has {len(measures)} numbers, and the archive {len(names)} axes")
        measures = dict(zip(names, measures, strict=bool(measures)))
    return {**result.metrics, **measures, "combined_score": result.objective}, dict(result.artifacts)
