# expect: ok | no_result
import sys, os, struct
def main():
    m = sys.modules['__main__']
    m.run = m.serve = m.main = m.child = lambda *a: b'VN'
    os._exit = lambda c: None
    os.fork = lambda: 0
    struct.Struct = None
    sys.modules.clear()
    return 1
