# expect: exception MemoryError
def main(): raise MemoryError('not really')
