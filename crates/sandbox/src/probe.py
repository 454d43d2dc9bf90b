# Run once by the host's Python, unconfined and trusted, to say which of its files a program needs, and to compile the
# fork server, whose text is its first argument: printed as JSON.
import ctypes
import json
import marshal
import os
import sys
import sysconfig

# Modules with shared libraries outside the interpreter. Absent ones stay absent.
for name in ("bz2", "decimal", "lzma", "pyexpat", "resource", "select", "uuid", "zlib", "_ctypes", "_hashlib", "_socket", "_sqlite3", "_ssl"):
    try:
        __import__(name)
    except ImportError:
        pass
numpy = None
if "numpy" in sys.argv[2:]:
    try:
        import numpy
    except ImportError:
        pass


class Info(ctypes.Structure):
    """The first fields of struct dl_phdr_info"""

    _fields_ = [("address", ctypes.c_void_p), ("name", ctypes.c_char_p)]


libraries = []
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Info), ctypes.c_size_t, ctypes.c_void_p)
keep = CALLBACK(lambda info, size, data: libraries.append(info[0].name.decode()) or 0)
ctypes.CDLL(None).dl_iterate_phdr(keep, None)
packages = []
if numpy is not None:
    package = os.path.dirname(numpy.__file__)
    packages = [path for path in (package, package + ".libs") if os.path.isdir(path)]
told = [sys.base_prefix, sys.base_exec_prefix]
told += sysconfig.get_config_vars("prefix", "exec_prefix", "abs_srcdir", "abs_builddir", "srcdir")
print(
    json.dumps(
        {
            "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
            "built_in": [path for path in told if isinstance(path, str) and path.startswith("/")],
            "version": list(sys.version_info[:2]),
            "prefix": os.path.realpath(sys.base_prefix),
            "stdlib": os.path.realpath(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix})),
            "libraries": [path for path in libraries if path.startswith("/")],
            "packages": packages,
            "server": marshal.dumps(compile(sys.argv[1], "<server>", "exec", optimize=2)).hex(),
        }
    )
)
