from math import cos, sin

from walker_creator import walker_creator


def make_circle(wc, cx, cy, radius, num_points):
    """Leaves a gap of one more step than there are joints."""
    joints = []
    for k in range(num_points):
        angle = k * (2 * 3.14 / (num_points + 1))
        joints.append(wc.add_joint(cx + radius * cos(angle), cy + radius * sin(angle)))
    return joints


def make_walker():
    wc = walker_creator()
    wheel = make_circle(wc, 0.5, -0.5, 1.5, 8)
    end = wc.add_joint(12, 6)
    for k in range(8):
        for i in range(3):
            wc.add_muscle(wheel[k], wheel[(k + i) % 8], 1, (k + 1) / 8)
        wc.add_muscle(wheel[k], end, 3, (k + 1) / 8)
    return wc.get_walker()
