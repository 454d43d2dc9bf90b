# expect: exception FileNotFoundError | exception PermissionError | exception OSError
# defence: seccomp root
import os
def main(): return os.getloadavg() and open('/proc/loadavg').read()
