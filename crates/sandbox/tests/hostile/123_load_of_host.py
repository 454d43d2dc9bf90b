# expect: exception FileNotFoundError | exception PermissionError | exception OSError
import os
def main(): return os.getloadavg() and open('/proc/loadavg').read()
