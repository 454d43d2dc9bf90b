# expect: exception RuntimeError
# expect landlock: ok 200
# defence: threads
# Landlock has no limit for one program: the user's threads are counted together (see SECURITY.md).
import threading, time
def main():
    threading.stack_size(32768)
    for _ in range(200): threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
    return 200
