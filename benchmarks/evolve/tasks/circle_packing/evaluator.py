# Sum of the radii of 26 circles that neither overlap nor leave the unit square, beside the best sum known (2.635).
import math
import runpy

COUNT, BEST_KNOWN, TOLERANCE = 26, 2.635, 1e-9


def fault(circles):
    """What is wrong with `circles`, or None."""
    if len(circles) != COUNT:
        return f"{len(circles)} circles instead of {COUNT}"
    if not all(math.isfinite(value) for circle in circles for value in circle):
        return "a number that is not finite"
    for i, (x, y, radius) in enumerate(circles):
        if radius < 0 or min(x, y, 1 - x, 1 - y) < radius - TOLERANCE:
            return f"circle {i} leaves the square"
        for j in range(i):
            if math.dist((x, y), circles[j][:2]) < radius + circles[j][2] - TOLERANCE:
                return f"circles {j} and {i} overlap"
    return None


def evaluate(program_path):
    try:
        circles = [tuple(map(float, circle)) for circle in runpy.run_path(program_path)["pack"]()]
        why = fault(circles)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
    if why:
        return {"combined_score": 0.0, "error": why}
    total = sum(radius for _, _, radius in circles)
    return {"combined_score": total / BEST_KNOWN, "sum_radii": total}
