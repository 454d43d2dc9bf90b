# expect: exception PermissionError | exception FileNotFoundError
import os
def main(): os.utime('@CANARY@/secret', (0, 0)); return 'changed'
