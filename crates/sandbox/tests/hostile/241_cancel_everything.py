# expect: exception KeyboardInterrupt
def main(): raise KeyboardInterrupt
