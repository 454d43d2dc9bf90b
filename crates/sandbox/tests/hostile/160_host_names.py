# expect: ok [-1, sandbox]
# defence: seccomp
import ctypes, os
def main():
    return [ctypes.CDLL(None).syscall(63, ctypes.create_string_buffer(400)), os.uname().nodename]
