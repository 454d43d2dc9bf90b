# expect: exception PermissionError
import os
def main(): os.setuid(0); return 'root'
