# expect: output_limit
def main():
    while True: print('x' * 1000)
