# expect: exception PermissionError
import os
def main(): os.mkfifo('fifo'); return 1
