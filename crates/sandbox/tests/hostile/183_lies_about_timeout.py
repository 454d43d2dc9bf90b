# expect: exception TimeoutError
def main(): raise TimeoutError('not really')
