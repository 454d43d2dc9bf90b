# expect: exception FileNotFoundError | exception PermissionError
import os
def main(): return os.listdir('/proc/self/fd')
