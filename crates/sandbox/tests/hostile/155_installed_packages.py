# expect: exception ModuleNotFoundError | exception PermissionError | exception ImportError
import os, sys
def main():
    sys.path.append(os.path.dirname(os.__file__) + '/site-packages')
    import pip
    return open(pip.__file__).read()
