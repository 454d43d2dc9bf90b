from walker_creator import walker_creator

BODY = [
    (5, -1), (0, 1.6), (0, -1), (5, 1.6), (4.5, 0.5), (0, 0.5), (0, -0.1), (8, 9.5), (8, -0.1),
    (0, 9.5), (0.03, 0.5), (8, 0.5), (5.5, -0.001), (5, 5.66), (5, -0.001), (5.5, 5.66), (0.07, 0.5), (5, 0.5),
]
LEG = [(5.5, -3), (6, 5.66), (6, -3), (5.5, 5.66), (0.07, 0.5), (6, 0.5)]
TAIL = [(0, 0.0), (0, 1.6), (0, 0.0), (0, 1.6), (1, 0.5), (0, 0.5)]


def make_joints(wc, points):
    return [wc.add_joint(x, y) for x, y in points]


def make_walker():
    wc = walker_creator()
    body, leg, tail = make_joints(wc, BODY), make_joints(wc, LEG), make_joints(wc, TAIL)
    end = wc.add_joint(0, 0.0)
    joints = body + tail + leg + body[12:]
    for k in range(30):
        wc.add_muscle(joints[k], joints[k + 1], 30, 0.5)
    wc.add_muscle(body[2], body[4], 4, 0.8)
    for k in range(len(joints) - 2):
        wc.add_muscle(joints[k], joints[k + 2], 18, 12 / 1.1)
    for k in range(29, -1, -1):
        wc.add_muscle(joints[k], joints[k + 5], 4, 20 / 9)
    wc.add_muscle(end, body[7], 2, 10)
    return wc.get_walker()
