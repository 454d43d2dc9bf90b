# expect: exception PermissionError
# defence: seccomp
import os
def main(): return list(os.statvfs('/'))
