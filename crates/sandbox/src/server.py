# The fork server: a warm interpreter that forks one child per program.
#
# It runs with file descriptor 3 as its socket to the host and, in tiers with Landlock, 4 as the rule set. It never
# sees a program: the child reads it from a file descriptor that the host passes on. It judges nothing: it reports how
# the child ended, and the host decides. Every message is one packet of a fixed layout, in native byte order.
import sys

sys.path[:] = [path for path in sys.path if path]  # never the working directory
import gc
import os
import select
import struct
import types
from array import array
from builtins import BaseException, ValueError, SyntaxError, bool, bytes, dict, float, int, len, list, str, tuple, type
import collections, copy, functools, heapq, itertools, json, math, operator, random, re, string, typing  # warm
import ctypes
import resource
import _socket

SOCKET, RULES = 3, 4
SETUP = struct.Struct("=5I")  # flags, seccomp's number, processes, bytes of the first filter, of the second
JOB = struct.Struct("=4Q")  # CPU seconds, address space, scratch bytes, scratch inodes
BODY = struct.Struct("=Q6I")  # seed; most bytes, nodes and depth of the result; bytes of prelude, program and entry, which follow
END = struct.Struct("=c3xi4Q")  # "E", exit code; CPU microseconds, peak memory in KiB, scratch bytes and inodes
JAIL, FILTER, LANDLOCK, NUMPY = 1, 2, 4, 8  # flags
SCRATCH = "/scratch"
FILES = 64  # file descriptors of a program
libc = ctypes.CDLL(None, use_errno=True)
# Not os.fork: it runs what modules registered for forks (random reads new entropy, which the seed replaces) and prepares
# for threads, of which a server has one. That would be a tenth of a child's CPU time.
fork = ctypes.PyDLL(None, use_errno=True).fork


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what + ": " + os.strerror(ctypes.get_errno()))
    return result


def descriptors(*numbers):
    return [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array("i", numbers))]


# --- Values: the same layout as codec.rs ---

u32 = struct.Struct("<I").pack
f64 = struct.Struct("<d").pack


class Limit(BaseException):
    """A value larger than its budget."""


def encode(value, max_bytes, max_nodes, max_depth):
    parts = []
    nodes = size = 0
    ndarray = getattr(sys.modules.get("numpy"), "ndarray", None)

    def put(value, depth):
        nonlocal nodes, size
        nodes += 1
        kind = type(value)
        inner = ()
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
        else:
            raise TypeError("a value of type " + str(getattr(kind, "__name__", "?"))[:100] + " can't be returned")
        size += len(raw)
        if nodes > max_nodes or size > max_bytes or depth > max_depth:
            raise Limit("nodes" if nodes > max_nodes else "bytes" if size > max_bytes else "depth")
        parts.append(raw)
        for item in inner:
            put(item, depth + 1)

    put(value, 0)
    return b"".join(parts)


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


def child(job, out, result, cpu, memory, setup):
    data = os.pread(job, os.fstat(job).st_size, 0)
    seed, *budget, before, program, name = BODY.unpack_from(data)
    start = BODY.size + before
    middle, end = start + program, start + program + name
    prelude, source = data[BODY.size : start].decode(), data[start:middle].decode()
    entry, arguments = data[middle:end].decode(), data[end:]
    random.seed(seed)
    if setup.numpy is not None:
        setup.numpy.random.seed(seed & 0xFFFFFFFF)
    os.dup2(out, 1)
    confine(setup, result, cpu, memory)
    frame = run(prelude, source, entry, arguments, budget)
    try:
        sys.stdout.flush()
    except BaseException:
        pass
    frame = b"SMR1" + u32(len(frame)) + frame
    while frame:
        frame = frame[os.write(3, frame) :]
    os._exit(0)


def confine(setup, result, cpu, memory):
    """Leaves the child nothing but input, output and the result's pipe, and no way to more."""
    if setup.flags & LANDLOCK:
        check(libc.syscall(446, RULES, 0), "landlock_restrict_self")
    if setup.flags & JAIL:
        check(libc.capset(*setup.no_capabilities), "capset")
    else:  # in a jail the server is process 1, and the kernel ends all others with it
        check(libc.prctl(1, 9, 0, 0, 0), "prctl: end with the server")
        if os.getppid() != setup.pid:
            os._exit(1)
    if not setup.flags & FILTER:
        os.setpgid(0, 0)  # so that the server can kill what the child may have forked
    os.dup2(result, 3)
    os.closerange(4, FILES)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    if setup.flags & FILTER:
        check(libc.prctl(22, 2, ctypes.byref(setup.policy), 0, 0), "seccomp")


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
        self.flags, self.seccomp, self.processes, first, second = SETUP.unpack_from(packet)
        filters = packet[SETUP.size :]
        self.watched = Program(first // 8, filters[:first])
        self.policy = Program(second // 8, filters[first : first + second])
        # struct __user_cap_header_struct, version 3, for this process; three empty sets of 64 bits
        self.no_capabilities = (ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0)), ctypes.create_string_buffer(24))
        self.pid = os.getpid()
        self.numpy = None

    def enter(self):
        """Loads what programs use, sets the limits that all share, and returns the listener of watched calls."""
        if self.flags & NUMPY:
            import numpy, numpy.random, numpy.linalg  # numpy loads its parts late otherwise: in every child

            self.numpy = numpy
        limits = {"CORE": 0, "NOFILE": FILES, "MEMLOCK": 0, "MSGQUEUE": 0}
        if self.processes:
            limits["NPROC"] = self.processes
        for limit, most in limits.items():
            resource.setrlimit(getattr(resource, "RLIMIT_" + limit), (most, most))
        check(libc.prctl(4, 0, 0, 0, 0), "prctl: dumpable")
        if not self.flags & FILTER:
            return ()
        # The call is refused, since it names the host, but modules like uuid ask it when they are imported.
        uname = os.uname_result(("Linux", "sandbox", "", "", os.uname().machine))
        os.uname = lambda: uname
        return (check(libc.syscall(self.seccomp, 1, 8, ctypes.byref(self.watched)), "seccomp: listener"),)


class Scratch:
    """A tmpfs for one program at a time: a new one after any trace of use."""

    def __init__(self, flags):
        self.used = flags & JAIL
        self.size = self.state = None

    def look(self):
        node, files = os.stat(SCRATCH), os.statvfs(SCRATCH)
        used = (files.f_blocks - files.f_bfree) * files.f_frsize, files.f_files - files.f_ffree - 1
        return used, (node.st_mode, node.st_nlink, node.st_mtime_ns, node.st_atime_ns, node.st_ctime_ns)

    def prepare(self, size):
        if not self.used or (size == self.size and self.state == self.look()):
            return
        os.chdir("/")
        if self.size is not None:
            check(libc.umount2(SCRATCH.encode(), 2), "umount scratch")
        options = b"mode=0700,size=%d,nr_inodes=%d" % (size[0], size[1] + 1)
        check(libc.mount(b"scratch", SCRATCH.encode(), b"tmpfs", 2 | 4 | 8, options), "mount scratch")  # nosuid, nodev, noexec
        os.chdir(SCRATCH)
        self.size, self.state = size, self.look()

    def usage(self):
        return self.look()[0] if self.used else (0, 0)


def supervise(sock, pid, flags):
    """Waits for the child. If the host goes away, so do both."""
    pidfd = os.pidfd_open(pid)
    sock.sendmsg([b"S"], descriptors(pidfd))
    waiting = select.poll()
    waiting.register(pidfd, select.POLLIN)
    waiting.register(sock, select.POLLIN)
    ready = [number for number, _ in waiting.poll()]
    if pidfd not in ready:
        os.kill(pid, 9)
        os._exit(1)
    os.close(pidfd)
    _, status, usage = os.wait4(pid, 0)
    if not flags & FILTER:
        try:
            os.killpg(pid, 9)
        except OSError:
            pass
    return os.waitstatus_to_exitcode(status), int((usage.ru_utime + usage.ru_stime) * 1e6), usage.ru_maxrss


def serve(sock, setup):
    scratch = Scratch(setup.flags)
    while True:
        packet, extra, *_ = sock.recvmsg(JOB.size, _socket.CMSG_SPACE(12))
        if not packet:
            return
        cpu, memory, *size = JOB.unpack(packet)
        files = array("i", extra[0][2])
        scratch.prepare(size)
        pid = check(fork(), "fork")
        if pid == 0:
            try:
                child(*files, cpu, memory, setup)
            finally:
                os._exit(70)
        for number in files:
            os.close(number)
        exit_code, time, peak = supervise(sock, pid, setup.flags)
        sock.send(END.pack(b"E", exit_code, time, peak, *scratch.usage()))


def main():
    sock = _socket.socket(fileno=SOCKET)
    try:
        setup = Setup(sock.recv(1 << 16))
        listener = setup.enter()
    except Exception as error:
        sock.send(b"X" + str(error).encode()[:1000])
        return
    rehearse()
    gc.collect()
    gc.freeze()
    version = sys.version.split()[0] + (" numpy " + setup.numpy.__version__ if setup.numpy else "")
    sock.sendmsg([b"R" + version.encode()], descriptors(*listener) if listener else [])
    for number in listener:
        os.close(number)
    serve(sock, setup)


main()
