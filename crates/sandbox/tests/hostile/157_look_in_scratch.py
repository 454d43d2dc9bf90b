# expect: ok [] | exception PermissionError
import os
def main(): return os.listdir('.')
