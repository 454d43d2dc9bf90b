"""Samara: quality-diversity search, in which language models vary and judge, or you do.

- :func:`run`, :func:`start`, :func:`resume`, :func:`open`: the command line's experiments, and runs on disk;
- :class:`Search` with :class:`Gaussian` and :class:`IsoLine`: ask and tell;
- :class:`GridArchive`, :class:`CVTArchive`, :class:`TickArchive`, :class:`CategoricalArchive`: archives with pyribs' names.

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
from samara.ask_tell import Batch, Gaussian, IsoLine, Search, Told
from samara.errors import Interrupted, SamaraError
from samara.runs import Elite, Event, Run, Running, Table, open, resume, run, start

__all__ = [
    "AddStatus",
    "Archive",
    "ArchiveStats",
    "Batch",
    "CQDScoreResult",
    "CVTArchive",
    "CategoricalArchive",
    "Elite",
    "Event",
    "Gaussian",
    "GridArchive",
    "Interrupted",
    "IsoLine",
    "Run",
    "Running",
    "SamaraError",
    "Search",
    "Table",
    "TickArchive",
    "Told",
    "__version__",
    "cqd_score",
    "open",
    "resume",
    "run",
    "start",
]
