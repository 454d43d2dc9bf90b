# Looks for the lowest point of a function that can only be called, and only so often.

# EVOLVE-BLOCK-START
def search(f, low, high, budget, random):
    """The best point found. `f` takes a list of numbers between `low` and `high`; calls beyond `budget` are refused."""
    size = len(low)
    best = [random.uniform(low[i], high[i]) for i in range(size)]
    best_value = f(best)
    for step in range(budget - 1):
        if random.random() < 0.9:
            point = [random.uniform(low[i], high[i]) for i in range(size)]
        else:
            point = [best[i] + random.gauss(0.0, 0.4) * (high[i] - low[i]) for i in range(size)]
        point = [min(max(point[i], low[i]), high[i]) for i in range(size)]
        value = f(point)
        if value < best_value:
            best = point
            best_value = value
    return best
# EVOLVE-BLOCK-END
