# expect: ok 1 | timeout
import os
def main():
    for _ in range(1000): os.write(2, b'x' * 65536)
    return 1
