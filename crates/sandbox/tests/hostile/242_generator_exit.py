# expect: ok [1]
def main(): yield 1
