# expect: exception PermissionError | exception FileNotFoundError
# defence: root
# defence landlock: seccomp landlock
import os
def main(): os.unlink('@CANARY@/secret'); return 'gone'
