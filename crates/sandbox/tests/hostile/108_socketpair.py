# expect: exception PermissionError
import socket
def main(): return str(socket.socketpair())
