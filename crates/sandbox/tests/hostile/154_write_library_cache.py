# expect: exception OSError | exception PermissionError
import os
def main():
    open(os.path.dirname(os.__file__) + '/__pycache__/x.pyc', 'w').write('x'); return 'poisoned'
