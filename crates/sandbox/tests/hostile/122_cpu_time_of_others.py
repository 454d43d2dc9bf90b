# expect: ok []
# defence: seccomp
import time
def main():
    seen = []
    for pid in range(1, 3000):
        try: seen.append((pid, time.clock_gettime((~pid << 3) | 2)))
        except OSError: pass
    return [pid for pid, _ in seen]
