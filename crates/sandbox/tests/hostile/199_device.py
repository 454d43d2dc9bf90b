# expect: exception PermissionError
import os
def main(): os.mknod('disk', 0o60666, os.makedev(254, 0)); return 1
