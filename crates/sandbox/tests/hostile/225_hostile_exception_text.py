# expect: exception E
class E(BaseException):
    def __str__(self): raise self
    def with_traceback(self, t): return 1
def main(): raise E
