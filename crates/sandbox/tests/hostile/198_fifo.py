# expect: exception PermissionError
# defence: seccomp landlock
import os
def main(): os.mkfifo('fifo'); return 1
