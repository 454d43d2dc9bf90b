# expect: exception PermissionError | exception FileNotFoundError
# defence: seccomp root
# defence landlock: seccomp landlock
import os
def main(): os.symlink('/etc/passwd', '@CANARY@/REACHED'); return 'made'
