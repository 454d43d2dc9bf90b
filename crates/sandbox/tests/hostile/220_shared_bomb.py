# expect: result_limit
def main():
    x = [0] * 10
    for _ in range(30): x = [x] * 10
    return x
