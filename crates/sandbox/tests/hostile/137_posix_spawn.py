# expect: exception PermissionError
# defence: seccomp root landlock
import os
def main():
    return os.posix_spawn('/bin/sh', ['sh', '-c', 'touch @CANARY@/ESCAPED'], {})
