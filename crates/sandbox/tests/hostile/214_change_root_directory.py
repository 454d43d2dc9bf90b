# expect: exception PermissionError
import os
def main(): os.chdir('/'); return 1
