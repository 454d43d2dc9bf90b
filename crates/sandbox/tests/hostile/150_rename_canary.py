# expect: exception PermissionError | exception FileNotFoundError
import os
def main(): os.rename('@CANARY@/secret', '@CANARY@/other'); return 'moved'
