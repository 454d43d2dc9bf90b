"""Measures the embedded language model, beside llama.cpp on the same weights. run.py starts this.

llama.cpp is had without compiling it: npm's `@node-llama-cpp` holds its libraries, PyPI's `llama-cpp-python` the bindings,
of which only the Python sources are taken. Next: llama_peer.py, and the examples inference_speed and training_speed.
"""

import json
import pathlib
import platform
import shutil
import subprocess
import sys
import tarfile

from measure import HERE, ROOT, Child, environment

MODEL = ROOT / "crates/seedling/model"
# The bindings must be written for about the libraries' age: they hand structures to each other.
BINDINGS, LIBRARIES, CONVERTER = "0.3.36", "3.22.1", "0.19.0"
NEEDED = ["numpy", "typing_extensions", "diskcache", "jinja2", "safetensors", f"gguf=={CONVERTER}"]


def example(name, package="samara-seedling"):
    """Builds an example and returns its program."""
    command = ["cargo", "build", "--release", "-p", package, "--example", name]
    built = subprocess.run(
        [*command, "--message-format", "json-render-diagnostics"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    )
    programs = (json.loads(line).get("executable") for line in built.stdout.splitlines())
    return [program for program in programs if program][-1]


def rates(report, prefix, figures, unit, target=None):
    """Adds rates, with a target for two threads and 16 sequences or more."""
    for one in figures:
        busy = f" ({one['count'] / one['cpu_s']:,.0f} a CPU second)" if one["cpu_s"] >= 0.1 else ""
        wanted = target if one["threads"] == 2 and one["batch"] >= 16 else None
        report.add(f"{prefix}.{label(one)}", one["per_s"], unit + busy, at_least=wanted)


def label(one):
    what = one["prompts"] if "prompts" in one else f"batch_{one['batch']}"
    return f"{what}.{one['threads']}_threads"


# -- inference -------------------------------------------------------------------------------------------------


def inference(report, scratch, options):
    model = snapshot(options.model, scratch / "model")
    work = scratch / "work.json"
    ran = Child([example("inference_speed"), model, work])
    ours = json.loads(ran.out)
    report.figures["inference"] = ours
    rates(report, "inference.generate", ours["generate"], "tokens/s, prompts included", 5000)
    rates(report, "inference.generate_sampled", [ours["generate_sampled"]], "tokens/s, at temperature 1")
    rates(report, "inference.decode", ours["decode"], "tokens/s", 5000)
    for one in ours["score"]:
        rates(report, "inference.score", [one], "scorings/s", 500 if one["prompts"] == "300_tokens" else None)
    report.add("inference.memory", ran.mb, f"MB ({ran.wall:.0f} s wall, {ran.cpu:.0f} s CPU in all)")
    peak = ours["peak"]
    report.add("inference.limit", peak["registers_gflops"], f"GFLOP/s a thread ({peak['lanes']} lanes)")
    report.add("inference.kernel_of_limit", share(peak["products_gflops"], peak), "%, panels in the caches")
    for one in ours["decode"]:
        if one["threads"] == 1:
            gigaflops = one["per_s"] * ours["flop_per_token"] / 1e9
            report.add(f"inference.decode_of_limit.{label(one)}", share(gigaflops, peak), "%, matrices alone")
    if options.peers:
        peer(report, scratch, model, work, ours)


def share(gigaflops, peak):
    return 100 * gigaflops / peak["registers_gflops"]


def snapshot(model, into):
    """A copy of a model's folder, which a training may be writing to."""
    into.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.copy(model / name, into)
    return into


def peer(report, scratch, model, work, ours):
    """The same work in llama.cpp; a peer that is missing or changed is reported, not hidden."""
    try:
        python, libraries = llama()
        found = {"libraries": LIBRARIES, "bindings": BINDINGS, "types": {}}
        # A process each: what one took of memory would hide what the other takes.
        for kind in ("f32", "f16"):
            command = [python, HERE / "llama_peer.py", model, work, libraries, scratch, kind]
            ran = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE)
            found["types"][kind] = json.loads(ran.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError, LookupError, tarfile.TarError) as error:
        report.figures["llama.cpp"] = {"error": str(error)}
        print(f"llama.cpp: {error}")
        return
    report.figures["llama.cpp"] = found
    asked = json.loads(work.read_text())
    for kind, theirs in found["types"].items():
        name = f"llama.cpp.{kind}"
        report.add(f"{name}.greedy_equal", theirs["greedy_equal"], f"of {theirs['greedy_of']} continuations")
        report.add(f"{name}.tokens_equal", theirs["tokens_equal"], f"of {theirs['tokens_of']} tokens")
        for one in theirs["score"]:
            pairs = zip(asked[one["prompts"]]["scores"], one.pop("scores"))
            apart = max(abs(a - b) for pair in pairs for a, b in zip(*pair))
            one["log_probabilities_apart"] = apart
        report.add(f"{name}.log_probabilities_apart", 1e6 * max(one["log_probabilities_apart"] for one in theirs["score"]), "millionths of a nat, at most")
        for work_name, unit in (("generate", "tokens/s, prompts included"), ("decode", "tokens/s"), ("score", "scorings/s")):
            rates(report, f"{name}.{work_name}", theirs[work_name], unit)
            peers = {label(one): one["per_s"] for one in theirs[work_name]}
            for one in ours[work_name]:
                if label(one) in peers:
                    report.add(f"inference.times_{name}.{work_name}.{label(one)}", one["per_s"] / peers[label(one)], "x")
        for one in theirs["decode"]:
            if one["threads"] == 1:
                gigaflops = one["per_s"] * ours["flop_per_token"] / 1e9
                report.add(f"{name}.decode_of_limit.{label(one)}", share(gigaflops, ours["peak"]), "%, matrices alone")
        report.add(f"{name}.memory", theirs["mb"], "MB, beyond Python's and the bindings'")


def llama():
    """Python and the folder of llama.cpp's libraries; installs both."""
    python = environment()
    subprocess.run([python, "-m", "pip", "install", "-q", *NEEDED], check=True)
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    bindings(python, subprocess.run(where, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
    kinds = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}
    kind = kinds.get(platform.machine()) if sys.platform == "linux" else None
    if kind is None:
        raise LookupError(f"no prebuilt libraries are known for {sys.platform} on {platform.machine()}")
    home = HERE / ".node"
    package = home / "node_modules/@node-llama-cpp" / kind
    described = package / "package.json"
    if not described.exists() or json.loads(described.read_text())["version"] != LIBRARIES:
        home.mkdir(exist_ok=True)
        flags = ["--silent", "--ignore-scripts", "--no-save", "--no-package-lock", "--prefix", home]
        subprocess.run(["npm", "install", *flags, f"@node-llama-cpp/{kind}@{LIBRARIES}"], check=True, stdout=subprocess.DEVNULL)
    return python, plain_names(package / "bins" / kind, home / "libraries")


def bindings(python, site):
    """Takes the Python sources of llama-cpp-python alone: installing it would compile llama.cpp."""
    there = pathlib.Path(site) / "llama_cpp/__init__.py"
    if there.exists() and f'"{BINDINGS}"' in there.read_text():
        return
    into = HERE / ".node" / "download"
    into.mkdir(parents=True, exist_ok=True)
    only = ["--no-deps", "--no-binary", "llama-cpp-python", "-d", into]
    subprocess.run([python, "-m", "pip", "download", "-q", *only, f"llama-cpp-python=={BINDINGS}"], check=True)
    top = f"llama_cpp_python-{BINDINGS}"
    with tarfile.open(into / f"{top}.tar.gz") as archive:
        for member in archive.getmembers():
            if member.isfile() and member.name.startswith(f"{top}/llama_cpp/"):
                member.name = member.name[len(top) + 1:]
                archive.extract(member, site)
    shutil.rmtree(into)


def plain_names(libraries, into):
    """A folder with the libraries under their own names, and those with a version also under the name without."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir()
    for library in libraries.glob("*.so"):
        for name in {library.name, library.name.split(".")[0] + ".so"}:
            (into / name).symlink_to(library)
    return into


# -- training --------------------------------------------------------------------------------------------------


def training(report, scratch, options):
    program = example("training_speed")
    for threads in (1, 2):
        ran = Child([program, threads])
        found = json.loads(ran.out)
        report.figures[f"training.details.{threads}_threads"] = found
        unit = f"tokens/s ({found['best_step_tokens_per_s']:,.0f} in the best step, {found['parameters']:,} parameters)"
        report.add(f"training.{threads}_threads", found["tokens_per_s"], unit, at_least=7000 if threads == 2 else None)
        report.add(f"training.memory.{threads}_threads", ran.mb, f"MB ({ran.wall:.0f} s wall, {ran.cpu:.0f} s CPU)")
