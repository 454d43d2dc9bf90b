# expect: ok 1
import sys
class Out:
    def flush(self): raise SystemExit
    def write(self, t): return 0
def main():
    sys.stdout = Out()
    return 1
