# expect: result_limit
def main():
    while True: yield None
