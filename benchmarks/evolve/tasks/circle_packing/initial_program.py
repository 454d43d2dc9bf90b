# Twenty-six circles in the unit square. The centres may change; the radii follow from them.
import math

# EVOLVE-BLOCK-START
CENTRES = [
    (0.5, 0.5),
    (0.765, 0.554),
    (0.649, 0.725),
    (0.446, 0.765),
    (0.275, 0.649),
    (0.235, 0.446),
    (0.351, 0.275),
    (0.554, 0.235),
    (0.725, 0.351),
    (0.984, 0.5),
    (0.984, 0.735),
    (0.98, 0.938),
    (0.79, 0.984),
    (0.56, 0.984),
    (0.322, 0.984),
    (0.108, 0.984),
    (0.016, 0.842),
    (0.016, 0.619),
    (0.016, 0.381),
    (0.016, 0.158),
    (0.108, 0.016),
    (0.322, 0.016),
    (0.56, 0.016),
    (0.79, 0.016),
    (0.98, 0.062),
    (0.984, 0.265),
]
# EVOLVE-BLOCK-END


def pack():
    """Circles as (x, y, radius): each as large as the border allows, then pairs that overlap shrink by one factor."""
    radii = [min(x, y, 1 - x, 1 - y) for x, y in CENTRES]
    for i, first in enumerate(CENTRES):
        for j in range(i + 1, len(CENTRES)):
            distance, wanted = math.dist(first, CENTRES[j]), radii[i] + radii[j]
            if wanted > distance:
                radii[i] *= distance / wanted
                radii[j] *= distance / wanted
    return [(x, y, radius) for (x, y), radius in zip(CENTRES, radii)]
