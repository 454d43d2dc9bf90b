# expect: exception PermissionError | exception FileNotFoundError
# defence: root
# defence landlock: seccomp landlock
import os
def main(): os.rename('@CANARY@/secret', '@CANARY@/other'); return 'moved'
