# expect: exception FileNotFoundError | exception PermissionError
# defence: root
# defence landlock: landlock
def main(): return len(open('/proc/self/mounts').read())
