# expect: exception OSError | exception PermissionError
import os
def main(): open(os.__file__, 'a').write('x'); return 'poisoned'
