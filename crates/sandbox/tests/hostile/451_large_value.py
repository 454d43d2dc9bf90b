# expect: result_limit
# defence: result
# defence landlock: result
def main(): return 'x' * (5 << 20)
