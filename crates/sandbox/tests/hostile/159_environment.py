# expect: ok []
import os
def main():
    known = 'PYTHON OPENBLAS OMP MKL LANG LC_CTYPE TZ HOME TMPDIR LD_LIBRARY_PATH'.split()
    return [k for k in os.environ if not any(k.startswith(n) for n in known)]
