# expect: exception PermissionError | exception FileNotFoundError
# defence: root
# defence landlock: seccomp landlock
def main(): return open('@CANARY@/secret', 'w').write('x')
