# expect: ok []
# The first page of the stack, where the kernel put the environment of the fork server.
import ctypes, re
def main():
    libc = ctypes.CDLL(None)
    libc.getauxval.restype = ctypes.c_ulong
    name = libc.getauxval(31)
    page = ctypes.string_at(name - 1500, 1500)
    found = re.findall(rb'([A-Z_]{3,})=', page)
    return [one.decode() for one in found if re.search(rb'TOKEN|KEY|SECRET|CARGO|^USER|^PATH|^PWD', one)]
