# expect: exception ValueError
def main(): raise ValueError('\ud800\0\U0010ffff')
