# expect: exception PermissionError | exception FileNotFoundError
def main(): return open('@CANARY@/secret').read()
