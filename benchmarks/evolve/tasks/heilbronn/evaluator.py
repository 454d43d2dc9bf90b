# Area of the smallest triangle among 11 points of the unit square, beside the largest known (0.037037).
import itertools
import math
import runpy

COUNT, BEST_KNOWN = 11, 0.037037


def area(first, second, third):
    (ax, ay), (bx, by), (cx, cy) = first, second, third
    return abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2


def evaluate(program_path):
    try:
        points = [(float(x), float(y)) for x, y in runpy.run_path(program_path)["points"]()]
    except Exception as error:
        return {"combined_score": 0.0, "error": f"{type(error).__name__}: {error}"}
    if len(points) != COUNT or not all(0 <= value <= 1 and math.isfinite(value) for point in points for value in point):
        return {"combined_score": 0.0, "error": f"wanted: {COUNT} points in the unit square"}
    smallest = min(area(*three) for three in itertools.combinations(points, 3))
    return {"combined_score": smallest / BEST_KNOWN, "smallest_area": smallest}
