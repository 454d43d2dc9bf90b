# expect: exception PermissionError | exception FileNotFoundError
import os
def main(): os.setxattr('@CANARY@/secret', 'user.x', b'x'); return 'changed'
