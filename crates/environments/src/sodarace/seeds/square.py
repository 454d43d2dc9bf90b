from walker_creator import walker_creator


def make_square(wc, x0, y0, x1, y1):
    return [wc.add_joint(x, y) for x, y in ((x0, y0), (x0, y1), (x1, y1), (x1, y0))]


def make_walker():
    wc = walker_creator()
    sides = make_square(wc, 0, 0, 10, 10)
    center = wc.add_joint(5, 5)
    for k in range(4):
        wc.add_muscle(sides[k], sides[(k + 1) % 4])
    wc.add_muscle(sides[3], center)
    wc.add_muscle(sides[0], center, 5, 0)
    wc.add_muscle(sides[1], center, 10, 0)
    wc.add_muscle(sides[2], center, 2, 0)
    return wc.get_walker()
