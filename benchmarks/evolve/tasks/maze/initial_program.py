# A walk through rooms with walls: sixteen steps, each a direction in degrees and a length.

# EVOLVE-BLOCK-START
STEPS = [
    (10.0, 0.5),
    (20.0, 0.5),
    (0.0, 0.5),
    (45.0, 0.5),
    (30.0, 0.5),
    (12.0, 0.5),
    (60.0, 0.5),
    (22.0, 0.5),
    (15.0, 0.5),
    (40.0, 0.5),
    (80.0, 0.5),
    (25.0, 0.5),
    (8.0, 0.5),
    (50.0, 0.5),
    (35.0, 0.5),
    (18.0, 0.5),
]
# EVOLVE-BLOCK-END


def steps():
    return STEPS
