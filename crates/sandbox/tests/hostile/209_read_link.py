# expect: exception PermissionError
# defence: seccomp root
import os
def main(): return os.readlink('/proc/self/exe')
