# The score is the sum of the radii of 26 circles that lie in the unit square and do not overlap. Nothing is tolerated:
# where floats are not sure, fractions decide.
import importlib.util
import math
from fractions import Fraction

CIRCLES = 26
# Gaps below this are decided exactly.
UNSURE = 1e-9


def load(path):
    spec = importlib.util.spec_from_file_location("program", path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def numbers(circle):
    """Three finite floats, made anew: a program's own kinds of numbers could compare as they like."""
    x, y, radius = circle
    made = tuple(float(value) for value in (x, y, radius))
    if not all(map(math.isfinite, made)):
        raise ValueError(f"a circle is not finite: {made}")
    return made


def is_inside(x, y, radius):
    if min(x, y, 1.0 - x, 1.0 - y) - radius > UNSURE:
        return True
    x, y, radius = map(Fraction, (x, y, radius))
    return min(x, y, 1 - x, 1 - y) >= radius


def are_apart(a, b):
    if math.hypot(a[0] - b[0], a[1] - b[1]) - a[2] - b[2] > UNSURE:
        return True
    (x, y, r), (u, v, s) = (tuple(map(Fraction, circle)) for circle in (a, b))
    return (x - u) ** 2 + (y - v) ** 2 >= (r + s) ** 2


def evaluate(program_path):
    circles = [numbers(circle) for circle in load(program_path).pack()]
    if len(circles) != CIRCLES:
        raise ValueError(f"there are {len(circles)} circles, and not {CIRCLES}")
    for place, circle in enumerate(circles):
        if circle[2] < 0.0:
            raise ValueError(f"circle {place} has the radius {circle[2]}")
        if not is_inside(*circle):
            raise ValueError(f"circle {place} is not within the square: {circle}")
        for other in range(place):
            if not are_apart(circle, circles[other]):
                raise ValueError(f"circles {other} and {place} overlap")
    radii = [circle[2] for circle in circles]
    return {"combined_score": math.fsum(radii), "smallest": min(radii), "largest": max(radii)}
