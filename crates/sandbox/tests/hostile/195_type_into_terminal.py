# expect: exception PermissionError
# defence: seccomp
# without: exception OSError
import fcntl
def main(): return str(fcntl.ioctl(0, 0x5412, b'x'))
