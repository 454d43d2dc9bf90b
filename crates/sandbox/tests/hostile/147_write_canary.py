# expect: exception PermissionError | exception FileNotFoundError
def main(): return open('@CANARY@/secret', 'w').write('x')
