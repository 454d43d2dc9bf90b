# expect: exception OSError
import os
def main():
    return [os.dup(0) for _ in range(100000)]
