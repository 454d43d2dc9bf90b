# expect: result_limit | memory | exception MemoryError
def main():
    for n in range(10 ** 9): yield str(n) * 500_000
