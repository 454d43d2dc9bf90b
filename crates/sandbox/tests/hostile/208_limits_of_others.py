# expect: ok [refused]
# In a jail the program is process 1 of a namespace of its own, so there are no others; elsewhere asking is refused.
import os, resource
def main():
    seen = set()
    for pid in [2, 3, 7, 99, os.getppid() or 2]:
        try: resource.prlimit(pid, resource.RLIMIT_CPU); seen.add("read")
        except (PermissionError, ProcessLookupError): seen.add("refused")
    return sorted(seen)
