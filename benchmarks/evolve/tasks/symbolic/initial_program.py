# A formula for measurements of one quantity at 60 places x from 0 to 6.
import math


# EVOLVE-BLOCK-START
def predict(x):
    trend = 0.5 + 0.3 * x - 0.05 * x * x
    fast = 0.5 * math.sin(2.0 * x + 0.5)
    slow = 0.5 * math.cos(0.7 * x + 0.2)
    bump = 0.5 * math.exp(-0.5 * (x - 2.0) * (x - 2.0))
    return trend + fast + slow + bump
# EVOLVE-BLOCK-END
