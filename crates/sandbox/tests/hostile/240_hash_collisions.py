# expect: timeout cpu | ok
def main():
    d = {}
    m = 2**61 - 1
    for i in range(10**5): d[i * m] = i
    return len(d)
