def draw():
    image = [[[0, 0, 0] for x in range(32)] for y in range(32)]
    for y in range(32):
        for x in range(32):
            if (x + y) % 8 < 4:
                image[y][x] = [255, 255, 0]
    return image
