# expect: timeout cpu
# defence: cpu
# without: timeout wall
# defence landlock: cpu
# without landlock: timeout wall
# The kernel remembers each name that it did not find, in memory that it takes back when it needs it.
import os
def main():
    number, base = 0, os.path.dirname(os.__file__) + '/' + 'x' * 200
    while True:
        try: os.stat(base + str(number))
        except OSError: number += 1
