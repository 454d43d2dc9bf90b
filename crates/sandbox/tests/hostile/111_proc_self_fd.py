# expect: exception FileNotFoundError | exception PermissionError
# defence: root
import os
def main(): return os.listdir('/proc/self/fd')
