# expect: exception FileNotFoundError | exception PermissionError
def main():
    open('/dev/shm/ESCAPED_dev_shm', 'w').write('x')
    return 'wrote'
