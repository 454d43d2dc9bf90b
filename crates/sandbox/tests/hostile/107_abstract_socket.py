# expect: exception PermissionError
# defence: seccomp
import socket
def main():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind('\0samara-probe')
    return 'bound'
