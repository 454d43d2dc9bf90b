# expect: ok
def main(): return -(1 << (8 * 4000000))
