# expect: result_limit
def main():
    x = []
    for _ in range(10**5): x = [x]
    return x
