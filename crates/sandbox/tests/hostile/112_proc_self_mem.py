# expect: exception FileNotFoundError | exception PermissionError
def main(): return len(open('/proc/self/mem', 'r+b').read(1))
