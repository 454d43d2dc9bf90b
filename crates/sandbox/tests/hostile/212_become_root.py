# expect: exception PermissionError
# defence: seccomp
# without: exception OSError
import os
def main(): os.setuid(0); return 'root'
