# expect: exception PermissionError
# defence: seccomp
import os
def main(): return os.nice(5)
