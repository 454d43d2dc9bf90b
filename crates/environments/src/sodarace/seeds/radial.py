from math import cos, sin

from walker_creator import walker_creator


def make_circle(wc, cx, cy, radius, num_points):
    """The last joint nearly meets the first: 3.14 is a little less than half a turn."""
    joints = []
    for k in range(num_points):
        angle = k * (2 * 3.14 / (num_points - 1))
        joints.append(wc.add_joint(cx + radius * cos(angle), cy + radius * sin(angle)))
    return joints


def make_walker():
    wc = walker_creator()
    points = make_circle(wc, 5, 5, 5, 8)
    center = wc.add_joint(5, 5)
    for k in range(8):
        wc.add_muscle(points[k], points[(k + 1) % 8])
        wc.add_muscle(points[k], center, k / 8, k / 8)
    return wc.get_walker()
