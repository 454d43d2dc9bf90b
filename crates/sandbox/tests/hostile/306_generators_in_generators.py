# expect: result_limit
def main():
    yield main()
