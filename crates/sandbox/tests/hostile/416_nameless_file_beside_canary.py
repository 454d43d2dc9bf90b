# expect: exception PermissionError | exception FileNotFoundError
# defence: root
# defence landlock: seccomp landlock
import os
def main(): return os.open('@CANARY@', os.O_TMPFILE | os.O_RDWR, 0o600)
