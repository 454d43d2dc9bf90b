# expect: exception PermissionError | exception FileNotFoundError
import os
def main(): os.chmod('@CANARY@/secret', 0o777); return 'changed'
