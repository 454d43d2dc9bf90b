# expect: exception RuntimeError
def main():
    d = {1: 1}
    def grow():
        for key in d:
            d[key + 1] = 1
            yield key
    return [grow(), d.keys()]
