# Sorts a list with few comparisons: sorts what lies GAPS apart, one gap after the other.

# EVOLVE-BLOCK-START
GAPS = [30, 24, 20, 16, 12, 8, 6, 4, 3, 2, 1]


def sort(items):
    items = list(items)
    for gap in GAPS:
        for start in range(gap, len(items)):
            place = start
            while place >= gap and items[place] < items[place - gap]:
                items[place], items[place - gap] = items[place - gap], items[place]
                place = place - gap
    for place in range(1, len(items)):
        if items[place] < items[place - 1]:
            items[place], items[place - 1] = items[place - 1], items[place]
    for place in range(1, len(items)):
        if items[place] < items[place - 1]:
            items[place], items[place - 1] = items[place - 1], items[place]
    return items
# EVOLVE-BLOCK-END
