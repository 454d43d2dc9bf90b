# expect: memory | exception OSError | crash
import mmap
def main():
    x = []
    while True:
        m = mmap.mmap(-1, 1 << 24)
        m[:] = b'x' * (1 << 24)
        x.append(m)
