# expect: exception FileNotFoundError | exception PermissionError
import os
def main(): return [open('/proc/%s/cmdline' % p).read() for p in os.listdir('/proc') if p.isdigit()]
