# Where a walk ends in a square of 8 by 8 with walls: the nearer to the far corner the better, and the straight way is shut.
import math
import runpy

START, GOAL, SIDE, LONGEST = (1.0, 1.0), (7.0, 7.0), 8.0, 1.0
# Walls as (x1, y1, x2, y2). The first two make a pocket that is open towards the start.
WALLS = [
    (2.0, 5.5, 5.5, 5.5),
    (5.5, 2.0, 5.5, 5.5),
    (3.5, 0.0, 3.5, 2.5),
    (0.0, 3.5, 1.2, 3.5),
    (6.6, 5.5, 8.0, 5.5),
]


def side(ax, ay, bx, by, px, py):
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


def crosses(ax, ay, bx, by, wall):
    """Whether the step from a to b touches the wall."""
    cx, cy, dx, dy = wall
    apart = side(ax, ay, bx, by, cx, cy) * side(ax, ay, bx, by, dx, dy) <= 0
    return apart and side(cx, cy, dx, dy, ax, ay) * side(cx, cy, dx, dy, bx, by) <= 0


def walk(steps):
    """Where the walk ends; a step into a wall or out of the square is not taken."""
    x, y = START
    for degrees, length in steps:
        length = min(LONGEST, max(0.0, length))
        ahead_x = x + length * math.cos(math.radians(degrees))
        ahead_y = y + length * math.sin(math.radians(degrees))
        inside = 0 <= ahead_x <= SIDE and 0 <= ahead_y <= SIDE
        if inside and not any(crosses(x, y, ahead_x, ahead_y, wall) for wall in WALLS):
            x, y = ahead_x, ahead_y
    return x, y


def evaluate(program_path):
    try:
        steps = [(float(degrees), float(length)) for degrees, length in runpy.run_path(program_path)["steps"]()]
        if len(steps) > 16 or not all(math.isfinite(value) for step in steps for value in step):
            raise ValueError("wanted: at most sixteen steps of finite numbers")
        x, y = walk(steps)
    except Exception as error:
        return {"combined_score": 0.0, "error": f"{type(error).__name__}: {error}"}
    distance = math.dist((x, y), GOAL)
    return {"combined_score": 1 - distance / math.dist((0, 0), (SIDE, SIDE)), "x": x, "y": y}
