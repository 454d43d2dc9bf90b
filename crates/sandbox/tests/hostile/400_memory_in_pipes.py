# expect: exception PermissionError
# defence: seccomp
import os
def main():
    held = 0
    for _ in range(20):
        end = os.pipe2(os.O_NONBLOCK)[1]
        try:
            while True: held += os.write(end, bytes(65536))
        except BlockingIOError: pass
    return held
