# expect: exception PermissionError
# defence: seccomp
# without: exception OSError
import os
def main(): os.link(os.__file__, 'link'); return 1
