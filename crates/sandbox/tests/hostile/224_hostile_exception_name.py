# expect: exception
class M(type):
    @property
    def __name__(cls):
        while True: pass
class E(Exception, metaclass=M): pass
E = M('n' * 100, (Exception,), {})
def main():
    raise type('', (Exception,), {})
