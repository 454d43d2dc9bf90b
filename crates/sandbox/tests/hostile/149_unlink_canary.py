# expect: exception PermissionError | exception FileNotFoundError
import os
def main(): os.unlink('@CANARY@/secret'); return 'gone'
