# expect: ok 0
# The buffers through which ends of programs pass are blank by the time that the next one can read them.
import sys
def main():
    link = sys.modules["__main__"].link
    return sum(bytes(link.end)[8:])
