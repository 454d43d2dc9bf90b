"""What samara raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samara.runs import Run

__all__ = ["Interrupted", "SamaraError", "Unanswered"]


class SamaraError(RuntimeError):
    """Something could not be done. The message says what failed, and behind ``hint:`` what to do."""

    #: The exit code that the command line has for it: 2 for arguments and settings, 3 for models, 4 for the sandbox.
    code: int

    def __init__(self, message: str, code: int = 1) -> None:
        """An error with its exit code."""
        super().__init__(message)
        self.code = code


class Unanswered(SamaraError):
    """A model gave no answer to a question of an environment. A candidate that can do without it may go on; if the run can't
    (the model is not reached, the budget is spent), it ends whatever is done."""

    def __init__(self, message: str) -> None:
        """An error of a model."""
        super().__init__(message, 3)


class Interrupted(KeyboardInterrupt):
    """A run was interrupted, and ended cleanly: everything that had settled is in its journal."""

    #: The run as far as it went; ``samara.resume(run.path)`` goes on.
    run: Run

    def __init__(self, run: Run) -> None:
        """An interrupt with its run."""
        super().__init__(f"interrupted: samara.resume({str(run.path)!r}) goes on")
        self.run = run
