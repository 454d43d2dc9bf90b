def draw():
    image = [[[0, 0, 0] for x in range(32)] for y in range(32)]
    for y in range(8, 24):
        for x in range(8, 24):
            image[y][x] = [0, 0, 255]
    return image
