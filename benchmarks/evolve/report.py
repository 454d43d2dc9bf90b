#!/usr/bin/env python3
"""Tables and curves of what run.py left. Python 3's standard library only.

    python3 benchmarks/evolve/report.py                 # the table of medians after 400 evaluations, as Markdown
    python3 benchmarks/evolve/report.py --at 100        # after 100
    python3 benchmarks/evolve/report.py --cost          # CPU, memory and requests instead of scores
    python3 benchmarks/evolve/report.py --svg curves.svg

An interval is the 95 % bootstrap interval of the median over seeds; with five seeds that is nearly their range.
"""

import argparse
import json
import pathlib
import random
import statistics
import sys

from run import ALL_TASKS, RESULTS
from systems import SYSTEMS

RESAMPLES = 10_000
WIDTH, HEIGHT, GAP, TOP = 330, 230, 50, 70
# Colours that people with a colour weakness tell apart (Okabe and Ito), in the order of first appearance.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a8a00", "#7f3c8d", "#666666")


def load(folder):
    """Results by (system, task), in the order of their seeds."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text())
        found.setdefault((result["system"], result["task"]), []).append(result)
    for results in found.values():
        results.sort(key=lambda one: one["seed"])
    return found


def best_at(result, evaluation):
    """The best score among the first `evaluation` evaluations."""
    return [score for number, score in result["best"] if number <= evaluation][-1]


def interval(values):
    """The 95 % bootstrap interval of the median; the same for the same values."""
    rng = random.Random(repr(values))
    medians = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]


def names(found):
    """Systems that have results, in the order in which run.py knows them."""
    return [name for name in SYSTEMS if any(system == name for system, _ in found)]


def table(found, at, out):
    """Median and interval of each system on each task, the best median in bold, and the number of seeds."""
    systems = names(found)
    medians = {key: statistics.median(best_at(one, at) for one in results) for key, results in found.items()}
    print("| after", at, "evaluations |", " | ".join(ALL_TASKS), "|", file=out)
    print("|---" * (len(ALL_TASKS) + 1) + "|", file=out)
    for system in systems:
        cells = []
        for task in ALL_TASKS:
            results = found.get((system, task))
            if not results:
                cells.append("")
                continue
            low, high = interval([best_at(one, at) for one in results])
            middle = f"{medians[system, task]:.3f}"
            if medians[system, task] == max(value for (_, other), value in medians.items() if other == task):
                middle = f"**{middle}**"
            few = f", {len(results)} seeds" if len(results) < 5 else ""
            cells.append(f"{middle} ({low:.3f}-{high:.3f}{few})")
        print(f"| {system} | {' | '.join(cells)} |", file=out)


def costs(found, out):
    """Medians over all tasks and seeds of what a run took."""
    print("| | CPU s a run | wall s a run | largest process, MB | requests a run | evaluations made | scores of zero |", file=out)
    print("|---|---|---|---|---|---|---|", file=out)
    for system in names(found):
        results = [one for (name, _), many in found.items() if name == system for one in many]

        def middle(pick, results=results):
            return statistics.median(pick(one) for one in results)

        asked = middle(lambda one: one["model"]["requests"]) if results[0]["model"] else 0
        print(
            f"| {system} | {middle(lambda one: one['cpu_s']):.1f} | {middle(lambda one: one['wall_s']):.1f} "
            f"| {middle(lambda one: one['peak_mb']):.0f} | {asked:.0f} | {middle(lambda one: one['evaluations_made']):.0f} "
            f"| {middle(lambda one: one['zeros']):.0f} |",
            file=out,
        )


# -- curves ----------------------------------------------------------------------------------------------------


def panel(found, task, systems, left, top, evaluations):
    """One task: the median curve of each system and the range of its seeds behind it."""
    curves = {}
    for system in systems:
        results = found.get((system, task))
        if results:
            places = range(0, evaluations + 1, max(1, evaluations // 80))
            curves[system] = [(at, [best_at(one, at) for one in results]) for at in places]
    if not curves:
        return []
    values = [value for curve in curves.values() for _, many in curve for value in many]
    low, high = min(values), max(values)
    span = (high - low) or 1.0

    def place(at, value):
        return f"{left + WIDTH * at / evaluations:.0f},{top + HEIGHT * (1 - (value - low) / span):.0f}"

    parts = [
        f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>',
        f'<text x="{left}" y="{top - 8}" font-weight="bold">{task}</text>',
        f'<text x="{left - 4}" y="{top + 10}" text-anchor="end">{high:.2f}</text>',
        f'<text x="{left - 4}" y="{top + HEIGHT}" text-anchor="end">{low:.2f}</text>',
        f'<text x="{left + WIDTH}" y="{top + HEIGHT + 14}" text-anchor="end">{evaluations} evaluations</text>',
    ]
    for system, curve in curves.items():
        colour = COLOURS[systems.index(system) % len(COLOURS)]
        band = [place(at, max(many)) for at, many in curve] + [place(at, min(many)) for at, many in reversed(curve)]
        parts.append(f'<polygon points="{" ".join(band)}" fill="{colour}" opacity="0.10"/>')
        line = " ".join(place(at, statistics.median(many)) for at, many in curve)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
    return parts


def svg(found, systems, evaluations):
    """All tasks in two rows, with a legend above."""
    width, height = 3 * (WIDTH + GAP) + GAP, TOP + 2 * (HEIGHT + GAP) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, system in enumerate(systems):
        x, y = GAP + 150 * (number % 7), 18 + 18 * (number // 7)
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<line x1="{x}" y1="{y - 4}" x2="{x + 18}" y2="{y - 4}" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 23}" y="{y}">{system}</text>')
    for number, task in enumerate(ALL_TASKS):
        left, top = GAP + (number % 3) * (WIDTH + GAP), TOP + (number // 3) * (HEIGHT + GAP)
        parts += panel(found, task, systems, left, top, evaluations)
    return "\n".join([*parts, "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    parser.add_argument("--at", type=int, default=400, help="evaluations after the seed program's")
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, help="only these, in the curves")
    parser.add_argument("--svg", type=pathlib.Path)
    options = parser.parse_args()
    found = load(options.results)
    if not found:
        sys.exit(f"no results in {options.results}\nhint: python3 benchmarks/evolve/run.py climber")
    if options.svg:
        options.svg.write_text(svg(found, options.systems or names(found), options.at))
    elif options.cost:
        costs(found, sys.stdout)
    else:
        table(found, options.at, sys.stdout)


if __name__ == "__main__":
    main()
