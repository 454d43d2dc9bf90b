# expect: exception PermissionError
# defence: seccomp
import socket
def main(): return str(socket.socketpair())
