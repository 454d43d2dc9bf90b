# expect: exception PermissionError
# defence: seccomp
import socket
def main(): return str(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
