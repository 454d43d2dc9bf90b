# expect: ok
# expect landlock: exception PermissionError
# defence landlock: seccomp
# A descriptor that only names a place, from which others are reached. In a jail it is the jail's.
import os
def main(): return os.open('/', os.O_PATH)
