# expect: forbidden ptrace
# defence: seccomp
import ctypes, threading
def main():
    libc = ctypes.CDLL(None)
    threading.stack_size(65536)
    start = threading.Barrier(8)
    def call():
        start.wait()
        libc.ptrace(16, 0, 0, 0)
    all = [threading.Thread(target=call) for _ in range(8)]
    [one.start() for one in all]
    [one.join() for one in all]
    return 'called'
