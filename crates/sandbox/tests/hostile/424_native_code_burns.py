# expect: timeout cpu
# defence: cpu
# without: timeout wall
# defence landlock: cpu
# without landlock: timeout wall
# No instruction of Python's in between, in several threads.
import hashlib, threading
def main():
    threading.stack_size(65536)
    data = bytes(4 << 20)
    def burn():
        while True: hashlib.sha256(data)
    for _ in range(3): threading.Thread(target=burn, daemon=True).start()
    burn()
