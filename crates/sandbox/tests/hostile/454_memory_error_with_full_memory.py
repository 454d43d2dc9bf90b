# expect: memory program
def main():
    x = bytearray(114 << 20)
    del x
    raise MemoryError('a lie that its peak bears out')
