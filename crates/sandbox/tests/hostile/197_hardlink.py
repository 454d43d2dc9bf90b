# expect: exception PermissionError
import os
def main(): os.link(os.__file__, 'link'); return 1
