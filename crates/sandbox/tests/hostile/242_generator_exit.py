# expect: exception TypeError
def main(): yield 1
