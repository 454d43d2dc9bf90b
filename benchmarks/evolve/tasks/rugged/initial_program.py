# The settings of a machine with twelve dials, whose yield has many peaks.

# EVOLVE-BLOCK-START
DIALS = [
    2.07, 0.73, -1.59,
    -3.75, 2.92, -0.22,
    1.75, 3.03, 1.71,
    3.37, -0.84, 2.41,
]
# EVOLVE-BLOCK-END


def dials():
    return DIALS
