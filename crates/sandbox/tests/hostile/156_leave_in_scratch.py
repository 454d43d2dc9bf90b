# expect: ok | exception PermissionError
import os
def main():
    os.makedirs('a/b/c')
    open('a/b/left', 'w').write('LEFT')
    open('.hidden', 'w').write('LEFT')
    os.umask(0)
    return 1
