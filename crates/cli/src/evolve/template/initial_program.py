# The program that is evolved. Samara changes what stands between the markers and nothing else; without markers, all of
# it may change. Any language will do: the evaluator decides what a program is.


# EVOLVE-BLOCK-START
def height(x):
    return 1.0 + 0.5 * x - 0.25 * x * x
# EVOLVE-BLOCK-END


def heights(points):
    return [height(x) for x in points]
