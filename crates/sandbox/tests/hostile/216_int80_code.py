# expect: exception PermissionError
# defence: seccomp
import mmap
def main():
    code = b'\xb8\x14\0\0\0\xcd\x80\xc3'
    m = mmap.mmap(-1, 4096, prot=7)
    m.write(code)
    return 'ran'
