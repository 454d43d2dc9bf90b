# expect: exception PermissionError | exception ValueError
# defence: seccomp
import resource
def main(): resource.setrlimit(resource.RLIMIT_CPU, (1, 1)); return 'set'
