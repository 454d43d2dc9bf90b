# The score is the area of the smallest triangle that three of 11 points in the unit square form, reckoned in fractions.
import importlib.util
import math
from fractions import Fraction
from itertools import combinations

POINTS = 11


def load(path):
    spec = importlib.util.spec_from_file_location("program", path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def coordinates(point):
    x, y = point
    made = (float(x), float(y))
    if not all(0.0 <= value <= 1.0 for value in made):
        raise ValueError(f"{made} is no point of the unit square")
    return made


def area(a, b, c):
    (x, y), (u, v), (s, t) = a, b, c
    return abs((u - x) * (t - y) - (s - x) * (v - y)) / 2


def evaluate(program_path):
    points = [coordinates(point) for point in load(program_path).points()]
    if len(points) != POINTS:
        raise ValueError(f"there are {len(points)} points, and not {POINTS}")
    # Floats find the few triangles that could be the smallest, fractions measure them.
    rough = sorted((area(*three), three) for three in combinations(points, 3))
    near = [three for size, three in rough if size <= rough[0][0] + 1e-9]
    exact = [[tuple(map(Fraction, point)) for point in three] for three in near]
    return {
        "combined_score": float(min(area(*three) for three in exact)),
        "mean_area": math.fsum(size for size, _ in rough) / len(rough),
    }
