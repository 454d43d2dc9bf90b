# expect: exception OSError
# expect landlock: exception PermissionError
# defence: scratch
def main():
    for number in range(300): open(str(number), 'w').close()
    return 300
