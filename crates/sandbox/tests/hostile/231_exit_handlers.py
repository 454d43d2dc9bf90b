# expect: ok 1
import atexit, threading
def main():
    def forever():
        while True: pass
    atexit.register(forever)
    threading.Thread(target=forever).start()
    return 1
