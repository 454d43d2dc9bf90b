# expect: ok | crash | forbidden
import ctypes
def main():
    now = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p)(0xffffffffff600400)
    return now(None) > 0
