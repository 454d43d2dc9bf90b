# Places 11 points in the unit square so that no three of them form a small triangle.

# EVOLVE-BLOCK-START
POINTS = [
    (0.05, 0.20),
    (0.10, 0.85),
    (0.22, 0.48),
    (0.30, 0.03),
    (0.41, 0.92),
    (0.52, 0.35),
    (0.60, 0.66),
    (0.71, 0.08),
    (0.80, 0.97),
    (0.90, 0.45),
    (0.97, 0.72),
]
# EVOLVE-BLOCK-END


def points():
    return POINTS
