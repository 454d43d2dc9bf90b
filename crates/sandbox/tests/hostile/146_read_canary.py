# expect: exception PermissionError | exception FileNotFoundError
# defence: root
# defence landlock: landlock
def main(): return open('@CANARY@/secret').read()
