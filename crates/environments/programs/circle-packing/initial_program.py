# Packs 26 circles into the unit square: a table of centres, and the radii that fit around them.
import math

# EVOLVE-BLOCK-START
CENTRES = [
    (0.10, 0.12), (0.28, 0.07), (0.50, 0.11), (0.71, 0.08), (0.91, 0.13),
    (0.08, 0.31), (0.31, 0.28), (0.52, 0.33), (0.69, 0.30), (0.92, 0.27),
    (0.12, 0.52), (0.29, 0.49), (0.48, 0.51), (0.72, 0.48), (0.89, 0.53),
    (0.09, 0.70), (0.32, 0.73), (0.51, 0.68), (0.68, 0.72), (0.93, 0.69),
    (0.11, 0.90), (0.30, 0.92), (0.49, 0.88), (0.70, 0.91), (0.90, 0.93),
    (0.61, 0.60),
]


def radii(centres):
    chosen = []
    for place, (x, y) in enumerate(centres):
        room = min(x, y, 1.0 - x, 1.0 - y)
        for other, (u, v) in enumerate(centres):
            if other != place:
                room = min(room, 0.5 * math.hypot(x - u, y - v))
        chosen.append(room)
    return chosen
# EVOLVE-BLOCK-END


def pack():
    """26 circles (x, y, radius). A hair is taken off each radius, so that rounding makes no two overlap."""
    return [(x, y, radius * (1.0 - 1e-12)) for (x, y), radius in zip(CENTRES, radii(CENTRES))]
