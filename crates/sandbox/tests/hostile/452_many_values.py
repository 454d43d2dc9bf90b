# expect: result_limit
# defence: result
# defence landlock: result
def main(): return [0] * 300000
