# expect: output_limit
# defence: output
# defence landlock: output
def main():
    for _ in range(1000): print('x' * 99)
    return 1
