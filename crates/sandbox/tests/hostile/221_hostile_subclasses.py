# expect: ok [1]
class L(list):
    def __iter__(self):
        while True: yield 1
    def __len__(self): return -1
def main(): return L([1])
