# expect: timeout cpu
# defence: cpu
# without: timeout wall
# defence landlock: cpu
# without landlock: timeout wall
import threading, zlib
def main():
    data = bytes(1 << 22)
    def burn():
        while True: zlib.compress(data, 9)
    ts = [threading.Thread(target=burn) for _ in range(4)]
    [t.start() for t in ts]
    [t.join() for t in ts]
