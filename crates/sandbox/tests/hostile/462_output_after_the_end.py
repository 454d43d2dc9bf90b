# expect: ok 1 | output_limit
import os, threading
def main():
    def write():
        while True: os.write(1, b'late')
    threading.Thread(target=write, daemon=True).start()
    return 1
