# expect: exception PermissionError
# defence: seccomp
# How much fits tells how many pages the others of this user hold in theirs.
import os
def main():
    end = os.pipe2(os.O_NONBLOCK)[1]
    return os.write(end, bytes(1 << 20))
