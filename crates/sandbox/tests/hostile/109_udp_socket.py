# expect: exception PermissionError
# defence: seccomp landlock network
import socket
def main():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))
    return 'sent'
