"""Samara: quality-diversity search, in which language models vary and judge, or you do.

- :func:`run`, :func:`start`, :func:`resume`, :func:`open`: the command line's experiments, and runs on disk;
- :class:`Environment`: what is evolved, as a class of your own;
- :func:`evolve` with :func:`evaluator` and :class:`Score`: programs under a function of your own;
- :class:`Search` with :class:`Gaussian`, :class:`IsoLine` and :class:`EvolutionStrategy`: ask and tell; :class:`Scheduler`:
  the same by turns, as pyribs has it;
- :class:`GridArchive`, :class:`CVTArchive`, :class:`TickArchive`, :class:`CategoricalArchive`, and without cells
  :class:`ProximityArchive`, :class:`DominatedNoveltyArchive`: archives with pyribs' names.

``samara`` is also the command line: ``samara --help``.
"""

from samara._samara import __version__
from samara.archives import (
    AddStatus,
    Archive,
    ArchiveStats,
    CategoricalArchive,
    CQDScoreResult,
    CVTArchive,
    GridArchive,
    TickArchive,
    cqd_score,
)
from samara.ask_tell import Batch, Search, Told
from samara.emitters import (
    Bandit,
    EvolutionStrategy,
    EvolutionStrategyEmitter,
    Gaussian,
    GaussianEmitter,
    IsoLine,
    IsoLineEmitter,
)
from samara.environments import Candidate, Context, Environment, Invalid, Parent, Plan, State
from samara.errors import Interrupted, SamaraError, Unanswered
from samara.evaluators import Evaluator, Score, evaluator
from samara.evolution import evolve
from samara.runs import Elite, Event, Run, Running, Table, open, resume, run, start
from samara.schedulers import BanditScheduler, Scheduler
from samara.unstructured import DNSArchive, DominatedNoveltyArchive, ProximityArchive

__all__ = [
    "AddStatus",
    "Archive",
    "ArchiveStats",
    "Bandit",
    "BanditScheduler",
    "Batch",
    "CQDScoreResult",
    "CVTArchive",
    "Candidate",
    "CategoricalArchive",
    "Context",
    "DNSArchive",
    "DominatedNoveltyArchive",
    "Elite",
    "Environment",
    "Evaluator",
    "Event",
    "EvolutionStrategy",
    "EvolutionStrategyEmitter",
    "Gaussian",
    "GaussianEmitter",
    "GridArchive",
    "Interrupted",
    "Invalid",
    "IsoLine",
    "IsoLineEmitter",
    "Parent",
    "Plan",
    "ProximityArchive",
    "Run",
    "Running",
    "SamaraError",
    "Scheduler",
    "Score",
    "Search",
    "State",
    "Table",
    "TickArchive",
    "Told",
    "Unanswered",
    "__version__",
    "cqd_score",
    "evaluator",
    "evolve",
    "open",
    "resume",
    "run",
    "start",
]
