# expect: exception OSError
# defence: memory
# defence landlock: memory
import mmap
def main():
    memory = [mmap.mmap(-1, 20 << 20) for _ in range(10)]
    for one in memory: one[::4096] = bytes(len(one) // 4096)
    return len(memory)
