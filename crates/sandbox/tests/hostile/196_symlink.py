# expect: exception PermissionError
import os
def main(): os.symlink('/etc/passwd', 'link'); return open('link').read()
