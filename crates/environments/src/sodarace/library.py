"""What walker programs may use beside walker_creator: parts of bodies, and a few functions of mathematics."""

import math
from math import cos, pi, sin


def make_square(wc, x0, y0, x1, y1):
    """Four joints at the corners of a rectangle: around it, from (x0, y0) by (x0, y1)."""
    return [wc.add_joint(x, y) for x, y in ((x0, y0), (x0, y1), (x1, y1), (x1, y0))]


def make_circle(wc, cx, cy, radius, num_points):
    """Joints on a circle, in equal steps."""
    angles = [2 * pi * k / num_points for k in range(num_points)]
    return [wc.add_joint(cx + radius * cos(angle), cy + radius * sin(angle)) for angle in angles]


def make_line(wc, x0, y0, x1, y1, num_points):
    """Joints from one point to another, both included, in equal steps."""
    shares = [k / (num_points - 1) for k in range(num_points)]
    return [wc.add_joint(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share) for share in shares]


def query_cppn(wc, xgrid, ygrid, scale, connect_func, amp_func, phase_func):
    """A grid of joints whose connections are functions of the grid coordinates (x0, y0, x1, y1) of their ends."""
    places = [(x, y) for x in range(xgrid) for y in range(ygrid)]
    joints = {place: wc.add_joint(place[0] * scale, place[1] * scale) for place in places}
    for a in places:
        for b in places:
            forward = b[0] >= a[0] and b[1] >= a[1] and b != a
            if forward and connect_func(*a, *b):
                wc.add_muscle(joints[a], joints[b], amp_func(*a, *b), phase_func(*a, *b))
    return list(joints.values())
