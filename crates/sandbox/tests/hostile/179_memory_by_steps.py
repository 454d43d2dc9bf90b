# expect: memory
# defence: memory
# without: timeout cpu
def main():
    x = []
    while True: x.append(bytearray(1 << 20))
