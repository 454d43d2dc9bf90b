# expect: exception PermissionError
# defence: seccomp
# without: exception OSError
import os
def main():
    return [os.pipe() for _ in range(100000)]
