# expect: result_limit | ok | exception MemoryError | memory
import threading
def main():
    x = [1]
    def grow():
        while True: x.append(1)
    threading.Thread(target=grow, daemon=True).start()
    return x
