# expect: exception PermissionError
# defence: seccomp landlock
# without: no_result 127
import os
def main(): os.execv('/lib64/ld-linux-x86-64.so.2', ['x', '/bin/sh'])
