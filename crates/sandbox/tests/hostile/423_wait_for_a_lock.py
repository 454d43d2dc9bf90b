# expect: timeout wall
# defence: wall
# defence landlock: wall
import threading
def main():
    lock = threading.Lock()
    lock.acquire()
    return lock.acquire(timeout=1.5)
