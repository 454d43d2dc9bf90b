# expect: exception PermissionError | exception FileNotFoundError
# defence: seccomp root
# defence landlock: seccomp
import os
def main(): os.chmod('@CANARY@/secret', 0o777); return 'changed'
