# The fork server: a warm interpreter that forks one child per program.
#
# It runs with file descriptor 3 as its socket to the host and, in tiers with Landlock, 4 as the rule set. It never
# sees a program: the child takes the job from the socket. It judges nothing: it hands on what
# the kernel says of the child's end, and the host decides. Every message is one packet of a fixed layout, in native byte
# order.
#
# It also knows nothing of a program that has ended: ends pass through a buffer that Python never looks into and that is
# wiped, so that the server's memory is the same before each fork, and so is all that a child inherits.
#
# The host has it compiled by the same interpreter and sends it as the first packet.
import sys

sys.path[:] = [path for path in sys.path if path]  # never the working directory
import builtins
import gc
import os
import struct
import types
from array import array
from builtins import BaseException, ValueError, SyntaxError, bool, bytes, dict, float, int, len, list, range, str, tuple, type
import collections, copy, functools, heapq, itertools, json, math, operator, random, re, string, typing  # warm
import _random
import _thread
import ctypes
import resource
import _socket

SOCKET, RULES = 3, 4
SETUP = struct.Struct("=7I")  # flags, numbers of seccomp, clone and waitid, processes, bytes of the first filter, of the second
JOB = struct.Struct("=c7x4Q")  # "J"; CPU seconds, address space, scratch bytes, scratch inodes; a short body follows
SHORT = 64 << 10  # bytes of a body that comes with the job; a longer one comes in a file
PEEK, DONTWAIT, NO_SIGNAL = 2, 0x40, 0x4000  # flags of recv and send
BODY = struct.Struct("=Q6I")  # seed; most bytes, nodes and depth of the result; bytes of prelude, program and entry, which follow
JAIL, FILTER, LANDLOCK, NUMPY = 1, 2, 4, 8  # flags
SCRATCH = b"/scratch"
FILES = 64  # file descriptors of a program
STACK = 2 << 20  # bytes of a thread's stack: 64 threads fit into the default limit of memory
SIGCHLD, CLONE_PIDFD, CLONE_NEWPID = 17, 0x1000, 0x20000000
libc = ctypes.PyDLL(None, use_errno=True)
# Not os.fork: it runs what modules registered for forks (random reads new entropy, which the seed replaces) and prepares
# for threads, of which a server has one. That would be a tenth of a child's CPU time.
fork = libc.fork
getppid = os.getppid


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


class Block(ctypes.Structure):
    """struct iovec"""

    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):
    """struct msghdr"""

    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("blocks", ctypes.POINTER(Block)),
        ("block_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class Files(ctypes.Structure):
    """struct cmsghdr with up to three file descriptors"""

    _fields_ = [("length", ctypes.c_size_t), ("level", ctypes.c_int), ("kind", ctypes.c_int), ("files", ctypes.c_int * 4)]


class Waiting(ctypes.Structure):
    """struct pollfd"""

    _fields_ = [("file", ctypes.c_int), ("events", ctypes.c_short), ("happened", ctypes.c_short)]


class End(ctypes.Structure):
    """How a child ended, as the kernel says it: siginfo_t of waitid, struct rusage, struct statfs of scratch."""

    _fields_ = [("kind", ctypes.c_char * 8), ("how", ctypes.c_char * 128), ("usage", ctypes.c_char * 144), ("scratch", ctypes.c_char * 120)]


END_SIZE = ctypes.sizeof(End)


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what + ": " + os.strerror(ctypes.get_errno()))
    return result


def descriptors(*numbers):
    return [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array("i", numbers))]


# --- Values: the same layout as codec.rs ---

u32 = struct.Struct("<I").pack
f64 = struct.Struct("<d").pack
islice = itertools.islice
VIEWS = {type(view) for view in ({}.keys(), {}.values(), {}.items())} | {range}
# Iterators of a fixed order, which come back as lists. Not those of sets: a set has no order.
ITERATORS = {type(iter(value)) for value in ([], (), "", b"", range(0), range(1 << 99), {}, {}.values(), {}.items())}
ITERATORS |= {type(reversed(value)) for value in ([], {}, {}.values(), {}.items(), ())}
ITERATORS |= {types.GeneratorType, enumerate, filter, map, zip}
ITERATORS |= {kind for kind in vars(itertools).values() if type(kind) is type}


class Limit(BaseException):
    """A value larger than its budget."""


def encode(value, max_bytes, max_nodes, max_depth):
    parts = []
    nodes = size = 0
    numpy = sys.modules.get("numpy")
    ndarray, generic = getattr(numpy, "ndarray", None), getattr(numpy, "generic", ())

    def put(value, depth):
        nonlocal nodes, size
        nodes += 1
        kind = type(value)
        inner = ()
        if ndarray is not None and (kind is ndarray and value.ndim == 0 or isinstance(value, generic)):
            value = number(value)
            kind = type(value)
        elif kind not in EXACT:
            value = plain(value)
            kind = type(value)
        if kind is int:
            raw = value.to_bytes(((value if value >= 0 else ~value).bit_length() >> 3) + 1, "little", signed=True)
            raw = b"i" + u32(len(raw)) + raw
        elif kind is float:
            raw = b"d" + f64(value)
        elif kind is str:
            if len(value) > max_bytes:
                raise Limit("bytes")
            try:
                raw = value.encode()
                raw = b"s" + u32(len(raw)) + raw
            except UnicodeEncodeError:
                raw = b"w" + u32(len(value)) + value.encode("utf-32-le", "surrogatepass")
        elif value is None:
            raw = b"N"
        elif kind is bool:
            raw = b"T" if value else b"F"
        elif kind is list or kind is tuple:
            raw = (b"l" if kind is list else b"t") + u32(len(value))
            inner = value
        elif kind is dict:
            raw = b"m" + u32(len(value))
            inner = itertools.chain.from_iterable(value.items())
        elif kind is bytes:
            if len(value) > max_bytes:
                raise Limit("bytes")
            raw = b"b" + u32(len(value)) + value
        elif kind is ndarray and ndarray is not None:
            raw = put_array(value, max_bytes)
        elif kind in VIEWS or kind in ITERATORS:
            # One more than may come is enough to know: an endless one ends here.
            inner = list(islice(value, max_nodes - nodes + 1))
            raw = b"l" + u32(len(inner))
        else:
            raise TypeError("a value of type " + str(getattr(kind, "__name__", "?"))[:100] + " can't be returned")
        size += len(raw)
        if nodes > max_nodes or size > max_bytes or depth > max_depth or len(inner if kind is not dict else value) > max_nodes:
            raise Limit("depth" if depth > max_depth else "bytes" if size > max_bytes else "nodes")
        parts.append(raw)
        for item in inner:
            put(item, depth + 1)

    put(value, 0)
    return b"".join(parts)


# Types whose subclasses come back as the type itself (named tuples, ordered and default dictionaries, counters, members of
# an IntEnum), each with what makes the plain value whatever the subclass redefines.
PLAIN = (
    (int, int.__pos__),
    (float, float.__pos__),
    (str, str.__str__),
    (tuple, lambda value: tuple.__getitem__(value, slice(None))),
    (list, list.copy),
    (dict, dict.copy),
)


EXACT = frozenset((int, float, str, type(None), bool, list, tuple, dict, bytes))


def plain(value):
    for base, made in PLAIN:
        if isinstance(value, base):
            return made(value)
    return value


def number(value):
    """The plain value of one of numpy's, or of an array without dimensions."""
    dtype = value.dtype
    if dtype.kind == "f" and dtype.itemsize > 8:
        return float(value)
    if dtype.kind not in "biufSU":
        raise TypeError("a value of " + str(dtype)[:100] + " can't be returned")
    return value.item()


def put_array(value, max_bytes):
    dtype = value.dtype
    name = "%s%02d" % (dtype.kind, dtype.itemsize)
    if dtype.kind not in "biufc" or name in ("f16", "c32"):
        raise TypeError("an array of " + str(dtype)[:100] + " can't be returned")
    if value.nbytes > max_bytes:
        raise Limit("bytes")
    shape = struct.pack("<B%dQ" % value.ndim, value.ndim, *value.shape)
    data = value.astype(dtype.newbyteorder("<"), order="C", copy=False).tobytes()
    return b"a" + name.encode() + shape + data


def decode(data):
    at = 0

    def take(count):
        nonlocal at
        at += count
        return data[at - count : at]

    def number():
        return struct.unpack("<I", take(4))[0]

    def value():
        tag = take(1)
        if tag == b"i":
            return int.from_bytes(take(number()), "little", signed=True)
        if tag == b"d":
            return struct.unpack("<d", take(8))[0]
        if tag == b"s":
            return take(number()).decode()
        if tag == b"w":
            return take(4 * number()).decode("utf-32-le", "surrogatepass")
        if tag == b"b":
            return take(number())
        if tag == b"l":
            return [value() for _ in range(number())]
        if tag == b"t":
            return tuple([value() for _ in range(number())])
        if tag == b"m":
            return {value(): value() for _ in range(number())}
        if tag == b"a":
            import numpy

            name = take(3).decode()
            shape = struct.unpack("<%dQ" % data[at], take(1 + 8 * data[at])[1:])
            dtype = numpy.dtype("?" if name == "b01" else "<%s%d" % (name[0], int(name[1:])))
            count = math.prod(shape)
            return numpy.frombuffer(take(count * dtype.itemsize), dtype).reshape(shape).copy()
        return {b"N": None, b"T": True, b"F": False}[tag]

    return value()


# --- What the same seed makes the same ---


class Entropy:
    """What programs get where they ask the system for random bytes: a stream that the job's seed decides.

    `random.Random()`, `random.seed()`, `secrets`, `uuid.uuid4()` and numpy's generators without a seed all end here. A
    program that wants other numbers each time asks `os.getrandom` or opens /dev/urandom.
    """

    seed = 0
    stream = None

    def read(self, size):
        if size < 0:
            raise ValueError("negative argument not allowed")
        if self.stream is None:  # a stream of its own: what `random.seed` is given elsewhere does not change it
            self.stream = _random.Random(self.seed << 64 | 0x5EED)
        return self.stream.getrandbits(8 * size).to_bytes(size, "little") if size else b""


def make_reproducible():
    """Replaces what would differ from run to run. Nothing is hidden: a program can put it back."""
    entropy, seed_with = Entropy(), random.Random.seed

    def urandom(size, /):
        return entropy.read(size)

    def seed(self, a=None, version=2):
        seed_with(self, int.from_bytes(entropy.read(32), "little") if a is None else a, version)

    os.urandom = random._urandom = urandom
    random.Random.seed = seed
    random.seed = random._inst.seed
    os.getpid, os.getppid = lambda: 1, lambda: 0
    builtins.exit = builtins.quit = sys.exit  # as where `site` is imported
    os.environ.pop("LD_BIND_NOW", None)  # has done its work
    return entropy


# --- The child ---


def text(words):
    raw = (words if type(words) is str else "?")[:2000].encode("utf-8", "replace")
    return b"s" + u32(len(raw)) + raw


def failure(error):
    try:
        message = str(BaseException.with_traceback(error, None))
    except BaseException:
        message = "an exception whose text can't be had"
    return b"E" + text(type.__dict__["__name__"].__get__(type(error))) + text(message)


def run(prelude, source, entry, arguments, budget):
    """What the program says about itself. All of it may be a lie; the host knows."""
    try:
        code = compile(source, "<program>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return b"S" + text(str(error))
    except BaseException as error:
        return failure(error)
    try:
        module = sys.modules["program"] = types.ModuleType("program")
        if prelude:
            exec(compile(prelude, "<prelude>", "exec", dont_inherit=True), module.__dict__)
        exec(code, module.__dict__)
        if entry not in module.__dict__:
            raise NameError("the program does not define " + entry)
        return b"V" + encode(module.__dict__[entry](*decode(arguments)), *budget)
    except Limit as limit:
        return b"L" + text(limit.args[0])
    except BaseException as error:
        return failure(error)


def child(setup, link):
    """Confines this process and runs its program. The server's frames are gone by now: this is called by the module."""
    try:
        data = prepare(setup, link)
    except BaseException as error:  # nothing of the program has run: this is the server's failure
        why = b"X" + str(error).encode("utf-8", "replace")[:1000]
        libc.send(SOCKET, why, len(why), NO_SIGNAL)
        os._exit(70)
    seed, *budget, before, program, name = BODY.unpack_from(data)
    start = BODY.size + before
    middle, end = start + program, start + program + name
    prelude, source = data[BODY.size : start].decode(), data[start:middle].decode()
    entry, arguments = data[middle:end].decode(), data[end:]
    setup.entropy.seed = seed
    random.seed(seed)
    if setup.numpy is not None:
        setup.numpy.random.seed(seed & 0xFFFFFFFF)
    gc.enable()
    frame = run(prelude, source, entry, arguments, budget)
    try:
        sys.stdout.flush()
    except BaseException:
        pass
    frame = b"SMR1" + u32(len(frame)) + frame
    while frame:
        frame = frame[os.write(3, frame) :]
    os._exit(0)


def prepare(setup, link):
    """Leaves the child nothing but input, output and the result's pipe, and no way to more. Returns the job's body."""
    length = check(libc.recvmsg(SOCKET, ctypes.byref(link.incoming), 0), "recvmsg")
    _, cpu, memory, *scratch = JOB.unpack_from(link.job)
    out, result, file = link.received.files[:3]
    if length > JOB.size:
        data = ctypes.string_at(link.job, length)[JOB.size :]
    else:
        data = os.pread(file, os.fstat(file).st_size, 0)
    if setup.flags & JAIL:
        # To the kernel a size of 0 is no limit: where nothing may be written, it is read-only.
        options = b"mode=0700,size=%d,nr_inodes=%d" % (scratch[0] or 4096, scratch[1] + 1)
        flags = 2 | 4 | 8 | (not scratch[0])  # nosuid, nodev, noexec, read-only
        check(libc.mount(b"scratch", SCRATCH, b"tmpfs", flags, options), "mount scratch")
        os.chdir(SCRATCH)
    if setup.flags & LANDLOCK:
        check(libc.syscall(446, RULES, 0), "landlock_restrict_self")
    if setup.flags & JAIL:
        check(libc.capset(*setup.no_capabilities), "capset")
    else:  # in a jail the server is process 1, and the kernel ends all others with it
        check(libc.prctl(1, 9, 0, 0, 0), "prctl: end with the server")
        if getppid() != setup.pid:
            os._exit(1)
    if not setup.flags & FILTER:
        os.setpgid(0, 0)  # so that the server can kill what the child may have forked
    os.dup2(out, 1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    if setup.flags & FILTER:
        check(libc.prctl(22, 2, ctypes.byref(setup.policy), 0, 0), "seccomp")
    os.dup2(result, 3)
    os.closerange(4, FILES)
    return data


# --- The server ---

REHEARSAL = """
import math
class Point:
    def __init__(self, x): self.x = x
    def moved(self, by): return Point(self.x + by)
def main(number, text):
    points = [Point(i).moved(number) for i in range(20)]
    found = {"a": 1.5, "b": (1, text, None, True), "c": b""}
    try:
        for point in points: found[str(point.x)] = [math.sqrt(point.x), -0.5]
    except ValueError as error: found["error"] = str(error)
    return found
"""


def rehearse():
    """Runs a program of our own a few times, so that the interpreter has met what most programs do before it forks."""
    for source in [REHEARSAL, "def main(*a): return {}[1]", "def main("] * 10:
        run("", source, "main", b"l\x02\0\0\0i\x01\0\0\0\x03s\x01\0\0\0x", (1 << 20, 1000, 10))
    del sys.modules["program"]


class Setup:
    """What the host asked for, made ready so that the child has little to do."""

    def __init__(self, packet):
        self.flags, self.seccomp, self.clone, self.waitid, self.processes, first, second = SETUP.unpack_from(packet)
        filters = packet[SETUP.size :]
        self.watched = Program(first // 8, filters[:first])
        self.policy = Program(second // 8, filters[first : first + second])
        # struct __user_cap_header_struct, version 3, for this process; three empty sets of 64 bits
        self.no_capabilities = (ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0)), ctypes.create_string_buffer(24))
        self.pid = os.getpid()
        self.numpy = self.entropy = None

    def enter(self):
        """Loads what programs use, sets the limits that all share, and returns the listener of watched calls."""
        if self.flags & NUMPY:
            import numpy, numpy.random, numpy.linalg  # numpy loads its parts late otherwise: in every child

            self.numpy = numpy
        # Not NOFILE: the kernel also limits by it how many descriptors all of a user's processes are sending just now.
        limits = {"CORE": 0, "MEMLOCK": 0, "MSGQUEUE": 0}
        if self.processes:
            limits["NPROC"] = self.processes
        for limit, most in limits.items():
            resource.setrlimit(getattr(resource, "RLIMIT_" + limit), (most, most))
        check(libc.prctl(4, 0, 0, 0, 0), "prctl: dumpable")
        # Threads share one heap of the C library (M_ARENA_MAX), which would reserve 128 MiB of addresses for each.
        libc.mallopt(-8, 1)
        _thread.stack_size(STACK)
        self.entropy = make_reproducible()
        if not self.flags & FILTER:
            return ()
        # The call is refused, since it names the host, but modules like uuid ask it when they are imported.
        uname = os.uname_result(("Linux", "sandbox", "", "", os.uname().machine))
        os.uname = lambda: uname
        return (check(libc.syscall(self.seccomp, 1, 8, ctypes.byref(self.watched)), "seccomp: listener"),)


class Link:
    """The socket to the host and all that passes through it, in memory that stays where it is."""

    def __init__(self):
        self.job = ctypes.create_string_buffer(JOB.size + SHORT)  # read and written by children only
        self.received, self.sent = Files(), Files(20, 1, 1)  # one file descriptor, SOL_SOCKET, SCM_RIGHTS
        self.end, self.word = End(b"E"), ctypes.create_string_buffer(b"S", 1)
        self.incoming = self.message(self.job, self.received, 32)
        self.started = self.message(self.word, self.sent, 24)
        self.waiting = (Waiting * 2)(Waiting(-1, 1), Waiting(SOCKET, 0))  # POLLIN; that the host has gone is always told
        self.child = ctypes.c_int(-1)  # its pidfd
        self.peeked, self.child_here = ctypes.create_string_buffer(1), ctypes.byref(self.child)

        # Made once, so that a turn makes next to nothing.
        self.sent_files, self.watched, self.started_here = self.sent.files, self.waiting[0], ctypes.byref(self.started)
        places = [ctypes.addressof(self.end) + part.offset for part in (End.how, End.usage, End.scratch)]
        self.end_here = ctypes.byref(self.end)
        self.how, self.usage, self.scratch = map(ctypes.c_void_p, places)

    def message(self, body, control, length):
        self.blocks = getattr(self, "blocks", []) + [Block(ctypes.addressof(body), ctypes.sizeof(body))]
        return Message(None, 0, ctypes.pointer(self.blocks[-1]), 1, ctypes.addressof(control), length, 0)

    def supervise(self, setup, pid):
        """Waits for the child and says how it ended. If the host goes away, so do both."""
        self.sent_files[0] = self.watched.file = self.child.value
        check(libc.sendmsg(SOCKET, self.started_here, NO_SIGNAL), "sendmsg")
        while libc.poll(self.waiting, 2, -1) < 0:
            pass
        if not self.watched.happened:
            if pid:
                os.kill(pid, 9)
            os._exit(1)  # a confined child ends with this process
        wait_for_it(setup.waitid, 3, self.child, self.how, 4, self.usage)  # P_PIDFD, WEXITED
        os.close(self.child.value)
        # A child that was ended before it took its job has left it there, and the next one would take it for its own. The
        # host sends no further one before it is told of this end.
        while libc.recv(SOCKET, self.peeked, 1, DONTWAIT) > 0:
            pass
        if setup.flags & JAIL:
            check(libc.statfs(SCRATCH, self.scratch), "statfs")
            libc.umount2(SCRATCH, 2)  # MNT_DETACH
        if pid:
            try:
                os.killpg(pid, 9)
            except OSError:
                pass
        check(libc.send(SOCKET, self.end_here, END_SIZE, NO_SIGNAL), "send")
        ctypes.memset(self.how, 0, END_SIZE - End.how.offset)


# No number of a process is turned into an object of Python: it would tell how many there were before.
split = ctypes.PyDLL(None, use_errno=True).syscall
wait_for_it = ctypes.PyDLL(None).syscall
split.restype = wait_for_it.restype = None


def turn(setup, link):
    """Forks a child once there is a job. True in the child; in the server, false once the child has ended.

    What is made in a turn is gone at its end, so that memory is the same at each fork.
    """
    if libc.recv(SOCKET, link.peeked, 1, PEEK) <= 0:  # the child takes the job
        os._exit(0)  # the host has gone
    link.child.value = -1
    pid = 0
    if setup.flags & JAIL:
        # A namespace of its own: process 1 and threads from 2 on, whatever ran before. A server that is process 1 itself
        # may use the bare call: what the C library has noted of this process's number stays true.
        ctypes.set_errno(0)
        split(setup.clone, SIGCHLD | CLONE_PIDFD | CLONE_NEWPID, None, link.child_here, None, None)
        if link.child.value < 0 and not ctypes.get_errno():
            return True
        check(link.child.value, "clone")
    else:
        pid = check(fork(), "fork")
        if pid == 0:
            return True
        link.child.value = os.pidfd_open(pid)
    link.supervise(setup, 0 if setup.flags & FILTER else pid)
    return False


TURNS = 20


def practise(setup, link):
    """Takes turns with nobody, whose children end at once: Python adapts its code while it runs for the first times, and
    the first programs would see that it has not yet."""
    kept = os.dup(SOCKET)
    host, end = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    os.dup2(end.fileno(), SOCKET)
    for _ in range(TURNS):
        host.send(b"J")
        if turn(setup, link):
            os._exit(0)
        host.recv(1)
        host.recv(1)
    os.dup2(kept, SOCKET)
    os.close(kept)
    host.close()
    end.close()


def start(link):
    """Makes everything ready and tells the host; none if that failed."""
    sock = _socket.socket(fileno=os.dup(SOCKET))
    try:
        setup = Setup(sock.recv(1 << 16))
        listener = setup.enter()
    except Exception as error:
        sock.send(b"X" + str(error).encode()[:1000])
        return None
    rehearse()
    gc.collect()
    gc.disable()
    practise(setup, link)  # after the collection, which empties Python's lists of free objects
    gc.freeze()
    version = sys.version.split()[0] + (" numpy " + setup.numpy.__version__ if setup.numpy else "")
    sock.sendmsg([b"R" + version.encode()], descriptors(*listener) if listener else [])
    for number in listener:
        os.close(number)
    return setup


link = Link()
setup = start(link)
if setup is not None:
    while not turn(setup, link):
        pass
    try:
        child(setup, link)
    finally:
        os._exit(70)
