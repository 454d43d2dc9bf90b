# expect: exception PermissionError
import os
def main(): return os.readlink('/proc/self/exe')
