# Eleven points in the unit square, of which no three should span a small triangle.

# EVOLVE-BLOCK-START
POINTS = [
    (0.238, 0.544),
    (0.37, 0.604),
    (0.626, 0.066),
    (0.013, 0.837),
    (0.259, 0.234),
    (0.996, 0.47),
    (0.836, 0.476),
    (0.639, 0.151),
    (0.635, 0.868),
    (0.523, 0.741),
    (0.671, 0.064),
]
# EVOLVE-BLOCK-END


def points():
    return POINTS
