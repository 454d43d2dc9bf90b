# expect: exception NameError
def other(): return 1
