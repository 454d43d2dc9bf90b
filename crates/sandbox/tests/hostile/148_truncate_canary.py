# expect: exception PermissionError | exception FileNotFoundError
import os
def main(): os.truncate('@CANARY@/secret', 0); return 'changed'
