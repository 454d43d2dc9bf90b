# The warm server of an evaluator: an interpreter that has run the harness and forks a tree of processes per evaluation.
#
# It runs in a jail, with file descriptor 3 as its socket to the host, and without rights: each evaluation gets a user
# namespace of its own, in which the jail's mounts are locked, with a namespace of processes, of mounts and of shared
# objects. Process 1 of it is the supervisor, which is this interpreter before it has seen anything of the candidate: it
# makes the evaluation's /tmp, /dev/shm and /proc, gives up all rights, and forks process 2, which evaluates. Then it
# only looks at what the tree uses. When it ends, the kernel ends all others, whatever sessions they have made.
#
# The host believes what this process and the supervisor say (through the socket, which nothing else has), and takes
# what comes through the link for what it is: claims of the evaluation.
#
import sys

sys.path[:] = [path for path in sys.path if path]  # never the working directory
import ctypes
import gc
import itertools
import json
import math
import os
import random
import resource
import select
import signal
import socket
import struct
import threading
import traceback
import types

# The host puts the part of server.py here that encodes values: `encode`, `decode` and `Limit`.
# <values>

SOCKET = 3
JOB = struct.Struct("=Qd5QI")  # seed, CPU seconds, memory, processes, scratch, most of a result, address space; files
MOUNT_FLAGS = 2 | 4  # nosuid, nodev
NOEXEC, BIND, MOVE, RECURSIVE = 8, 4096, 8192, 16384
# SIGCHLD, CLONE_PIDFD and the namespaces: mounts, shared objects, users, processes
APART = 17 | 0x1000 | 0x20000 | 0x08000000 | 0x10000000 | 0x20000000
TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
LOOK = 0.05  # seconds between two looks at the tree
FILES, SIGNALS = 512, 1024  # descriptors of each process, and signals that wait for all together
SPARE = 8  # processes beyond the limit, so that more than allowed can be seen
CANDIDATE, ASIDE = "/tmp/candidate", "/.scratch"
TEXT, TRACE = 2000, 20000  # characters of an exception's text and of its traceback
libc = ctypes.PyDLL(None, use_errno=True)


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


class CandidateError(Exception):
    """What a candidate did instead of returning. `kind` is an exception's type or a limit's name."""

    def __init__(self, kind, message):
        super().__init__(kind + ": " + message)
        self.kind, self.message = kind, message


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what + ": " + os.strerror(ctypes.get_errno()))
    return result


def write(path, data):
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o755 if data[:2] == b"#!" else 0o644)
    try:
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)


def copy(source, target):
    """Copies files, folders and links; what else there may be has no content."""
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
    elif os.path.isdir(source):
        os.mkdir(target, 0o755)
        for name in os.listdir(source):
            copy(source + "/" + name, target + "/" + name)
    elif os.path.isfile(source):
        with open(source, "rb") as file:
            write(target, file.read())
        os.chmod(target, os.stat(source).st_mode & 0o777)


class Job:
    """One evaluation as the host sends it: limits in the packet, a request and files in a file."""

    def __init__(self, packet, files):
        self.seed, self.cpu, self.memory, self.processes, self.scratch, self.result, self.space, count = JOB.unpack_from(packet, 1)
        self.out, self.err, self.link, self.body = files
        self.count = count

    def read(self):
        """The request, and the candidate's files."""
        with open(self.body, "rb", closefd=False) as body:
            body.seek(0)

            def part():
                return body.read(struct.unpack("=Q", body.read(8))[0])

            return part(), [(part().decode(), part()) for _ in range(self.count)]

    def close(self):
        for file in (self.out, self.err, self.link, self.body):
            os.close(file)


class Setup:
    """What the host asked for once."""

    def __init__(self, packet):
        given = json.loads(packet)
        self.clone, self.folder, self.below_tmp = given["clone"], given["folder"], given["below_tmp"]
        self.devices, self.network = given["devices"], given["network"]
        self.written, self.room = [], 0  # what the harness has left in /tmp, and its bytes
        rules = bytes.fromhex(given["filter"])
        self.rules = Program(len(rules) // 8, rules)
        # struct __user_cap_header_struct, version 3, for this process; three empty sets of 64 bits
        self.no_capabilities = (ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0)), ctypes.create_string_buffer(24))

    def mount(self, kind, target, flags, options=None):
        check(libc.mount(kind, target, kind, flags, options), "mount " + target.decode())

    def look_at_tmp(self):
        """Notes what the harness has written."""
        shown = {path.split("/")[2] for path in self.below_tmp}
        self.written = sorted(name for name in os.listdir("/tmp") if name not in shown)
        usage = os.statvfs("/tmp")
        self.room = (usage.f_blocks - usage.f_bfree) * usage.f_frsize

    def own_files(self, job):
        """A /tmp of this evaluation's own, in which what the host shows below its /tmp is still there, and a copy of what
        the harness has written."""
        aside = ASIDE.encode() if self.below_tmp or self.written else b"/tmp"
        room = self.room + (job.scratch or 4096)
        self.mount(b"tmpfs", aside, MOUNT_FLAGS, b"mode=1777,size=%d,nr_inodes=%d" % (room, 65536))
        for name in self.written:
            copy("/tmp/" + name, ASIDE + "/" + name)
        for path in self.below_tmp:
            target = ASIDE + path[len("/tmp") :]
            if os.path.isdir(path):
                os.makedirs(target, exist_ok=True)
            else:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                write(target, b"")
            check(libc.mount(path.encode(), target.encode(), None, BIND | RECURSIVE, None), "bind " + path)
        if self.below_tmp or self.written:
            check(libc.mount(aside, b"/tmp", None, MOVE, None), "move /tmp")
        self.mount(b"tmpfs", b"/dev/shm", MOUNT_FLAGS, b"mode=1777,size=%d,nr_inodes=4096" % job.memory)
        self.mount(b"proc", b"/proc", MOUNT_FLAGS | NOEXEC)

    def confine(self, job):
        """Makes what the evaluation may see, and gives up all rights to change that."""
        check(libc.prctl(4, 1, 0, 0, 0), "prctl: dumpable")  # or the next files would be another's
        for name, line in (("setgroups", b"deny"), ("uid_map", b"1000 1000 1"), ("gid_map", b"1000 1000 1")):
            write("/proc/self/" + name, line)
        self.own_files(job)
        write("/proc/self/oom_score_adj", b"500")  # it goes before its host
        check(libc.prctl(4, 0, 0, 0, 0), "prctl: dumpable")
        check(libc.capset(*self.no_capabilities), "capset")
        cpu = int(job.cpu) + 2
        limits = {"CPU": cpu, "NPROC": job.processes + 1 + SPARE, "NOFILE": FILES, "FSIZE": job.scratch + job.memory}
        # Descriptors on their way through sockets, and signals that wait, are counted for the host's user as well: it has
        # to be left with some.
        limits["NOFILE"] = min(FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        limits.update({"SIGPENDING": SIGNALS, "CORE": 0, "MEMLOCK": 0, "MSGQUEUE": 0})
        if not self.devices:  # accelerators map far more than they use
            limits["AS"] = job.space + 2 * job.memory + (1 << 30)
        for limit, most in limits.items():
            number = getattr(resource, "RLIMIT_" + limit)
            hard = resource.getrlimit(number)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(number, (most, most))
        check(libc.prctl(22, 2, ctypes.byref(self.rules), 0, 0), "seccomp")


# --- Process 1: the supervisor ---


class Tree:
    """What the processes of an evaluation use."""

    def __init__(self, job, network):
        self.job, self.peak = job, 0
        # A socket holds twice what its buffer takes at most: the last message is let in while there is room for a byte.
        # In the host's network the host's own are counted too.
        with socket.socket(socket.AF_UNIX) as one:
            self.each = 0 if network else 2 * one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        self.own = {}  # ticks of each process that was ever seen, by number and start

    def sockets(self):
        """Memory that the kernel may hold for the sockets there are, those on their way through others as well."""
        if not self.each:
            return 0
        with open("/proc/net/sockstat", "rb") as file:
            return int(file.readline().split()[2]) * self.each

    def look(self):
        """The limit that is exceeded, if any: a letter for the host."""
        live = memory = tasks = 0
        names = [name for name in os.listdir("/proc") if "0" < name[0] <= "9" and name != "1"]
        for name in names:
            try:
                with open("/proc/" + name + "/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue  # it has ended
            own = int(fields[11]) + int(fields[12])
            self.own[name, fields[19]] = own
            live += own + int(fields[13]) + int(fields[14])
            tasks += int(fields[17])
            memory += int(fields[21]) * PAGE
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Time that nobody waited for is in the second sum only, time between two looks in the first only.
        cpu = max(live / TICKS + ended.ru_utime + ended.ru_stime, sum(self.own.values()) / TICKS)
        kept = os.statvfs("/dev/shm")
        kept = (kept.f_blocks - kept.f_bfree) * kept.f_frsize
        sockets = self.sockets()
        if memory + kept + sockets > self.job.memory:
            memory, kept = self.exactly(names, kept), 0
        kept += sockets
        self.peak = max(self.peak, memory + kept, ended.ru_maxrss * 1024)
        if cpu > self.job.cpu:
            return b"c"
        if memory + kept > self.job.memory:
            return b"m"
        return b"p" if tasks > self.job.processes else b""

    def exactly(self, names, kept):
        """Memory with each shared page counted once. Asked for only when the simple sum is over the limit."""
        private = shared = 0
        for name in names:
            try:
                with open("/proc/" + name + "/smaps_rollup", "rb") as file:
                    parts = {line.split()[0]: int(line.split()[1]) << 10 for line in file if line.startswith(b"Pss_")}
                private += parts[b"Pss_Anon:"]
                shared += parts[b"Pss_Shmem:"]
            except (OSError, KeyError):  # one that hides it is taken for as large as it seems
                try:
                    with open("/proc/" + name + "/statm", "rb") as file:
                        private += int(file.read().split()[1]) * PAGE
                except OSError:
                    continue
        return private + max(shared, kept)


def supervise(setup, job, sock):
    """Process 1. Never returns."""
    try:
        request, files = job.read()
        setup.confine(job)
        for path, data in files:
            path = CANDIDATE + "/" + path
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write(path, data)
        os.makedirs(CANDIDATE, exist_ok=True)
        # Nothing in the tree can end process 1: what it has blocked waits for ever, and the kernel lets no other signal
        # through to it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        pid = os.fork()
    except BaseException as error:
        sock.send(b"X" + str(error).encode("utf-8", "replace")[:1000])
        os._exit(70)
    if pid == 0:
        evaluate(setup, job, request, mask)
    job.close()
    tree, waiting = Tree(job, setup.network), select.poll()
    waiting.register(os.pidfd_open(pid), select.POLLIN)
    status = over = None
    while status is None:
        waiting.poll(LOOK * 1000)
        while True:
            try:
                ended, how, _ = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if ended == 0:
                break
            if ended == pid:
                status = how
        over = tree.look()
        if over:
            break
    sock.send((b"L" + over if over else b"D ") + struct.pack("=iQ", status or 0, tree.peak))
    os._exit(0)


# --- Process 2: the evaluation ---


class Link:
    """The stream to the host that results and calls of the candidate go through."""

    def __init__(self, file):
        self.file, self.lock = file, threading.Lock()
        os.register_at_fork(after_in_child=self.forget)

    def forget(self):
        """In a process that the evaluation forks: it has nothing to say to the host."""
        if self.file >= 0:
            os.close(self.file)
        self.file = -1

    def send(self, tag, data):
        data = tag + struct.pack("=I", len(data)) + data
        while data:
            data = data[os.write(self.file, data) :]

    def receive(self, count):
        data = b""
        while len(data) < count:
            more = os.read(self.file, count - len(data))
            if not more:
                raise EOFError("the host has gone")
            data += more
        return data

    def call(self, entry, arguments):
        """Runs a function of the candidate, which is somewhere else, and returns what it returns."""
        if type(entry) is not str:
            raise TypeError("the entry must be the name of a function")
        if self.file < 0:
            raise RuntimeError("only the process that evaluates can call the candidate")
        data = encode([entry, list(arguments)], 16 << 20, 1 << 20, 64)
        with self.lock:
            self.send(b"C", data)
            tag, length = struct.unpack("=cI", self.receive(5))
            reply = decode(self.receive(length))
        if tag == b"V":
            return reply
        raise CandidateError(*reply)


link = None


def candidate_call(entry, arguments=()):
    """Runs `entry(*arguments)` of the candidate in a sandbox of its own. Raises `CandidateError`."""
    return link.call(entry, arguments)


def plain(text, most):
    return text[:most].encode("utf-8", "backslashreplace").decode()


def failure(error):
    """What an exception says, whatever its own methods do."""
    try:
        message = str(error)
    except BaseException:
        message = "an exception whose text can't be had"
    try:
        told = "".join(traceback.format_exception(type(error), error, error.__traceback__ and error.__traceback__.tb_next))
    except BaseException:
        told = ""
    parts = {"kind": plain(type(error).__name__, 200), "message": plain(message, TEXT), "traceback": plain(told[-TRACE:], TRACE)}
    return json.dumps(parts).encode()


def answer(job, request):
    """The result as a tag and a body."""
    try:
        sys.stdout.reconfigure(line_buffering=True)  # what was printed is there when a limit ends it
        random.seed(job.seed)
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            numpy.random.seed(job.seed & 0xFFFFFFFF)
        data = json.dumps(sys.modules["harness"].evaluate(json.loads(request))).encode()
    except BaseException as error:
        return b"E", failure(error)
    return (b"R", data) if len(data) <= job.result else (b"L", b"")


def evaluate(setup, job, request, mask):
    """Process 2. Never returns."""
    global link
    try:
        os.setsid()
        check(libc.prctl(4, 1, 0, 0, 0), "prctl: dumpable")
        os.dup2(job.out, 1)
        os.dup2(job.err, 2)
        link = Link(os.dup(job.link))
        job.close()
        os.close(SOCKET)
        os.chdir(setup.folder)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        gc.enable()
        tag, data = answer(job, request)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass
        link.send(tag, data)
    finally:
        os._exit(0)


# --- The server ---


def turn(setup, sock):
    """Takes a job, forks its tree, and says how it ended."""
    packet, files, _, _ = socket.recv_fds(sock, 4096, 4, socket.MSG_CMSG_CLOEXEC)
    if not packet:
        os._exit(1)  # the host has gone
    if packet == b"K":
        return  # the end of a tree that had come to its end already
    job = Job(packet, files)
    pidfd = ctypes.c_int(-1)
    pid = check(libc.syscall(setup.clone, APART, None, ctypes.byref(pidfd), None, None), "clone")
    if pid == 0:
        supervise(setup, job, sock)
    job.close()
    sock.send(b"S")
    waiting = select.poll()
    waiting.register(pidfd.value, select.POLLIN)
    waiting.register(SOCKET, select.POLLIN)
    while all(file != pidfd.value for file, _ in waiting.poll()):
        if sock.recv(1) != b"K":
            os._exit(1)  # the host has gone
        signal.pidfd_send_signal(pidfd.value, signal.SIGKILL)
        waiting.unregister(SOCKET)
    _, status, used = os.wait4(pid, 0)
    os.close(pidfd.value)
    sock.send(b"E" + struct.pack("=iQd", status, used.ru_maxrss, used.ru_utime + used.ru_stime))


def apart_from_threads(setup, sock):
    """As `turn`, for an interpreter that has other threads: a fork that libraries know of leaves them behind."""
    waiting = select.poll()
    waiting.register(SOCKET, select.POLLIN)
    waiting.poll()
    pid = os.fork()
    if pid == 0:
        try:
            turn(setup, sock)
        except BaseException as error:
            sock.send(b"X" + str(error).encode("utf-8", "replace")[:1000])
        finally:
            os._exit(0)
    if os.waitpid(pid, 0)[1]:
        os._exit(1)


def rehearse(setup):
    """Confines a process that does nothing, so that a host where that is refused is told so before anything else runs."""
    limits = types.SimpleNamespace(cpu=1, memory=1 << 20, processes=1, scratch=1 << 20, space=1 << 40)
    said, say = os.pipe()
    pidfd = ctypes.c_int(-1)
    pid = check(libc.syscall(setup.clone, APART, None, ctypes.byref(pidfd), None, None), "new namespaces in a jail")
    if pid == 0:
        try:
            setup.confine(limits)
        except BaseException as error:
            os.write(say, str(error).encode("utf-8", "replace")[:1000])
        finally:
            os._exit(0)
    os.close(say)
    why = os.read(said, 1000).decode()
    os.wait4(pid, 0)
    os.close(said)
    os.close(pidfd.value)
    if why:
        raise OSError(why)


def warm(text):
    """Runs the harness as a module of its own."""
    module = sys.modules["harness"] = types.ModuleType("harness")
    module.candidate_call, module.CandidateError = candidate_call, CandidateError
    exec(compile(text, "<harness>", "exec", dont_inherit=True), module.__dict__)
    if not callable(getattr(module, "evaluate", None)):
        raise NameError("the harness does not define evaluate")


def start(sock):
    """Makes everything ready and tells the host; none if that failed."""
    packet, files, _, _ = socket.recv_fds(sock, 1 << 16, 1, socket.MSG_CMSG_CLOEXEC)
    try:
        setup = Setup(packet)
        os.chdir(setup.folder)
        rehearse(setup)
    except BaseException as error:
        sock.send(b"U" + str(error).encode("utf-8", "replace")[:1000])
        return None
    try:
        with open(files[0], "rb") as file:
            file.seek(0)
            text = file.read().decode()
        warm(text)
        setup.look_at_tmp()
    except BaseException as error:
        sock.send(b"X" + failure(error))
        return None
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        import numpy.random  # or each evaluation would load it
    gc.collect()
    gc.disable()
    gc.freeze()
    threads = len(os.listdir("/proc/self/task"))
    version = sys.version.split()[0] + (" numpy " + numpy.__version__ if numpy is not None else "")
    sock.send(b"R" + version.encode())
    return setup, apart_from_threads if threads > 1 else turn


def serve():
    os.set_inheritable(SOCKET, False)
    sock = socket.socket(fileno=SOCKET)
    started = start(sock)
    if started is not None:
        setup, take = started
        try:
            while True:
                take(setup, sock)
        except BaseException as error:
            sock.send(b"X" + str(error).encode("utf-8", "replace")[:1000])


serve()
