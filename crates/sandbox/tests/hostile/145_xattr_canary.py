# expect: exception PermissionError | exception FileNotFoundError
# defence: seccomp root
# without: ok | exception OSError
# defence landlock: seccomp
# without landlock: ok | exception OSError
import os
def main(): os.setxattr('@CANARY@/secret', 'user.x', b'x'); return 'changed'
