# expect: exception PermissionError
import os
def main(): return list(os.statvfs('/'))
