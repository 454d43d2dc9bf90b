# expect: exception RuntimeError | memory | timeout | exception MemoryError
import threading, time
def main():
    threading.stack_size(32768)
    n = 0
    while True:
        threading.Thread(target=time.sleep, args=(100,), daemon=True).start(); n += 1
