# expect: exception FileNotFoundError | exception PermissionError
# defence: root
def main():
    open('/dev/shm/ESCAPED_dev_shm', 'w').write('x')
    return 'wrote'
