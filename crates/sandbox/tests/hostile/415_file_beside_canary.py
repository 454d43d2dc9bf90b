# expect: exception PermissionError | exception FileNotFoundError
# defence: root
# defence landlock: seccomp landlock
import os
def main(): return os.open('@CANARY@/REACHED', os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
