# expect: exception PermissionError
import os
def main(): return os.nice(5)
