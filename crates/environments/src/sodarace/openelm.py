"""The names by which OpenELM's programs import the builder of walkers. There are no such files, and no other names."""

import sys
import types

# Of a program that is a file beside them: its relative imports then mean these modules.
__package__ = "openelm.environments.sodaracer.walker"


def _samara_openelm_grid(wc, xgrid, ygrid, scale, connect_func, amp_func, phase_func):
    """OpenELM's query_cppn: pairs of joints on the main diagonal are left out, and a joint may be connected to itself."""
    places = [(x, y) for x in range(xgrid) for y in range(ygrid)]
    joints = {(x, y): wc.add_joint(x * scale, y * scale) for x, y in places}
    for x0, y0 in places:
        for x1, y1 in places:
            if x1 < x0 or y1 < y0 or (x0 == y0 and x1 == y1) or not connect_func(x0, y0, x1, y1):
                continue
            amplitude, phase = amp_func(x0, y0, x1, y1), phase_func(x0, y0, x1, y1)
            wc.add_muscle(joints[x0, y0], joints[x1, y1], amplitude, phase)
    return joints


def _samara_provide_modules():
    """Lets a program import them."""
    names = {"walker_creator": walker_creator, "Walker": Walker, "query_cppn": _samara_openelm_grid}
    parents = [__package__.rsplit(".", up)[0] for up in (3, 2, 1)] + [__package__]
    files = [__package__ + "." + file for file in ("walk_creator", "CPPN_mutable")]
    for name in ["walker_creator", "walk_creator"] + parents + files:
        module = sys.modules[name] = types.ModuleType(name)
        if name in parents:
            module.__path__ = []  # a package without files
        if name not in parents[:-1]:
            module.__dict__.update(names)
        above, _, last = name.rpartition(".")
        if above:
            setattr(sys.modules[above], last, module)


_samara_provide_modules()
