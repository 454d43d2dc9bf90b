# expect: exception TypeError
main = 3
