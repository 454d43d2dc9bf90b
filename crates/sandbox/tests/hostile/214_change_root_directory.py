# expect: exception PermissionError
# defence: seccomp
import os
def main(): os.chdir('/'); return 1
