def draw():
    image = [[[0, 96, 0] for x in range(32)] for y in range(32)]
    for y in range(32):
        for x in range(32):
            if abs(x - 12) + abs(y - 20) < 8:
                image[y][x] = [y * 8, x * 8, 0]
    return image
