# expect: exception PermissionError
import os
def main():
    return os.posix_spawn('/bin/sh', ['sh', '-c', 'touch @CANARY@/ESCAPED'], {})
