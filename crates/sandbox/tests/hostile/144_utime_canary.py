# expect: exception PermissionError | exception FileNotFoundError
# defence: seccomp root
# defence landlock: seccomp
import os
def main(): os.utime('@CANARY@/secret', (0, 0)); return 'changed'
