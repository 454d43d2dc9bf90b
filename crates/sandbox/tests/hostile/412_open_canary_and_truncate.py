# expect: exception PermissionError | exception FileNotFoundError
# defence: root
# defence landlock: seccomp landlock
import os
def main(): return os.open('@CANARY@/secret', os.O_RDONLY | os.O_TRUNC)
