# A formula for measurements of a surface.
import math


# EVOLVE-BLOCK-START
def predict(x, y):
    wave = 1.0 * math.sin(1.0 * x + 0.1)
    slope = 0.1 * x - 0.5 * y
    bend = 0.1 * x * y + 0.1 * y * y
    return wave + slope + bend + 0.5
# EVOLVE-BLOCK-END
