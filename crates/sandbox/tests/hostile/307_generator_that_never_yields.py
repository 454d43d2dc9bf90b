# expect: timeout cpu
def main():
    while True: pass
    yield 1
