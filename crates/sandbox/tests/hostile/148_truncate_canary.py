# expect: exception PermissionError | exception FileNotFoundError
# defence: seccomp root
# defence landlock: seccomp landlock
import os
def main(): os.truncate('@CANARY@/secret', 0); return 'changed'
