# expect: exception PermissionError
# defence: seccomp
import resource, os
def main(): return list(resource.prlimit(os.getppid(), resource.RLIMIT_AS))
