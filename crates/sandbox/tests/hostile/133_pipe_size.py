# expect: exception PermissionError
import fcntl
def main(): return fcntl.fcntl(1, 1031, 1 << 20)
