# expect: exception OSError
# expect landlock: exception PermissionError
# defence: scratch
def main(): return open('file', 'wb').write(bytes(20 << 20))
