# expect: exception PermissionError | exception FileNotFoundError
# defence: root
# defence landlock: seccomp landlock
import os
def main(): os.mkdir('@CANARY@/REACHED'); return 'made'
