# A surface with hundreds of millions of local peaks: a wide bowl with ripples, in turned directions. 1 is the top.
import math
import runpy

TOP = [
    -0.332, 2.614, 2.273, -2.415, -2.184, -1.698,
    2.793, -0.383, 0.76, -1.194, 0.043, -0.685,
]
RIPPLE, WIDTH = 2.0, 8.0


def loss(dials):
    """Mean over pairs of neighbouring dials, turned by 30 degrees, of a parabola with ripples of length 1.5."""
    off = [dial - top for dial, top in zip(dials, TOP)]
    cosine, sine, total = math.cos(math.pi / 6), math.sin(math.pi / 6), 0.0
    for left, right in zip(off[::2], off[1::2]):
        for turned in (cosine * left - sine * right, sine * left + cosine * right):
            total += turned**2 + RIPPLE * (1 - math.cos(2 * math.pi * turned / 1.5))
    return total / len(off)


def evaluate(program_path):
    try:
        dials = [float(value) for value in runpy.run_path(program_path)["dials"]()]
        if len(dials) != len(TOP) or not all(map(math.isfinite, dials)):
            raise ValueError(f"wanted: {len(TOP)} finite numbers")
        value = loss(dials)
    except Exception as error:
        return {"combined_score": 0.0, "error": f"{type(error).__name__}: {error}"}
    return {"combined_score": WIDTH / (WIDTH + value), "loss": value}
