# expect: exception MemoryError
# defence: memory
# defence landlock: memory
def main(): return len(bytearray(200 << 20))
