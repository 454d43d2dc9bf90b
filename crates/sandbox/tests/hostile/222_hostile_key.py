# expect: ok
class S(str):
    def encode(self, *a): return b'x' * 10**9
def main(): return {S('a'): 1}
