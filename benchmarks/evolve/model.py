#!/usr/bin/env python3
"""A "model" behind OpenAI's interface that changes numbers of the program in the request. Standard library only.

`python3 model.py --seed 0` prints its port and answers `/v1/chat/completions` and `/v1/completions` until SIGTERM, then
prints what it saw as one line of JSON. It finds the current program in the prompts of OpenEvolve, Shinka, SkyDiscover and
samara and answers in the form that the prompt asks for: SEARCH/REPLACE blocks, the same between Shinka's tags, or a whole
program in a fence. A request without a program gets a sentence.

Answer number n is drawn from (seed, n); with `--by content` from the seed and the request's text instead, so that answers
don't depend on the order in which requests arrive. `--latency-ms 2000` delays each answer, and with `--p99-ms 10000` by a
log-normal time of that median and 99th percentile. Next: mutation.py.
"""

import argparse
import asyncio
import json
import math
import random
import re
import resource
import signal
import sys
import time

from mutation import START, generator, hunks, mutate

FENCE = re.compile(r"^```[^\n`]*\n(.*?)\n?^```[ \t]*$", re.DOTALL | re.MULTILINE)
# A heading of the peers' prompts, or a line of samara's, after which the program to be changed stands.
HEADING = re.compile(
    r"^(?:#+[ \t]*(?:current|incorrect)[^\n]*program[^\n]*|The (?:first )?program:)[ \t]*$", re.IGNORECASE | re.MULTILINE
)
NO_PROGRAM = "Vary the numbers a little at a time and keep what scores higher."
# z of the 99th percentile of a normal distribution.
Z_99 = 2.326


def current_program(text):
    """The program that the prompt wants changed, or None.

    It stands in the first fence after the last heading that names it and has a fence with markers after it; without such
    a heading it is the last fence with markers.
    """
    fences = [(match.start(), match.group(1)) for match in FENCE.finditer(text) if START in match.group(1)]
    for heading in reversed(list(HEADING.finditer(text))):
        for start, program in fences:
            if start > heading.end():
                return program
    return fences[-1][1] if fences else None


def answer(text, rng):
    """The model's answer to a prompt, and whether it held a program."""
    program = current_program(text)
    if program is None:
        return NO_PROGRAM, False
    changed = mutate(program, rng)
    blocks = "\n".join(f"<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE" for old, new in hunks(program, changed))
    whole = f"```python\n{changed}\n```"
    head = "<NAME>\nother_numbers\n</NAME>\n\n<DESCRIPTION>\nOther numbers.\n</DESCRIPTION>\n\n"
    if "<CODE>" in text:
        return f"{head}<CODE>\n{whole}\n</CODE>", True
    if "<DIFF>" in text:
        return f"{head}<DIFF>\n{blocks}\n</DIFF>", True
    return f"Other numbers.\n\n{blocks if '<<<<<<< SEARCH' in text else whole}\n", True


class Seen:
    """What the server saw."""

    def __init__(self):
        self.requests = self.programs = self.in_flight = self.most_in_flight = 0
        # Seconds of waiting that were drawn, and when answers left (CLOCK_MONOTONIC).
        self.delay_s, self.times = 0.0, []

    def report(self, times):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "requests": self.requests,
            "with_program": self.programs,
            "most_in_flight": self.most_in_flight,
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
            **({"mean_delay_s": self.delay_s / max(1, self.requests), "times": self.times} if times else {}),
        }


def messages(request):
    """The request's text, all messages one after another."""
    if "prompt" in request:
        return request["prompt"] if isinstance(request["prompt"], str) else "\n".join(request["prompt"])
    parts = []
    for message in request["messages"]:
        content = message["content"]
        parts.append(content if isinstance(content, str) else "".join(part.get("text", "") for part in content))
    return "\n\n".join(parts)


def reply(path, body, options, seen):
    """Status and JSON of one request."""
    if path == "/v1/models":
        return 200, {"object": "list", "data": [{"id": "blind", "object": "model"}]}
    if path not in ("/v1/chat/completions", "/v1/completions"):
        return 404, {"error": {"message": f"no such path: {path}"}}
    request = json.loads(body)
    text = messages(request)
    seen.requests += 1
    mark = f"{text}{request.get('seed')}" if options.by == "content" else seen.requests
    content, held = answer(text, generator(options.seed, mark))
    seen.programs += held
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None}
    if path == "/v1/completions":
        choice["text"] = content
    else:
        choice["message"] = {"role": "assistant", "content": content}
    usage = {"prompt_tokens": len(text) // 4, "completion_tokens": len(content) // 4}
    usage["total_tokens"] = sum(usage.values())
    kind = "text_completion" if path == "/v1/completions" else "chat.completion"
    return 200, {"id": "c", "object": kind, "created": 0, "model": "blind", "choices": [choice], "usage": usage}


def latency_s(options, rng):
    if not options.p99_ms:
        return options.latency_ms / 1e3
    sigma = math.log(options.p99_ms / options.latency_ms) / Z_99
    return options.latency_ms / 1e3 * math.exp(rng.gauss(0, sigma))


class Http(asyncio.Protocol):
    """One connection: HTTP/1.1 with keep-alive and bodies of a known length."""

    def __init__(self, options, seen, delays):
        self.options, self.seen, self.delays, self.buffer = options, seen, delays, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while True:
            head, mark, rest = self.buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            length = int(length.group(1)) if length else 0
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            self.seen.in_flight += 1
            self.seen.most_in_flight = max(self.seen.most_in_flight, self.seen.in_flight)
            status, found = reply(head.split(b" ", 2)[1].decode().split("?")[0], rest[:length], self.options, self.seen)
            payload = json.dumps(found).encode()
            head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n"
            delay = latency_s(self.options, self.delays)
            self.seen.delay_s += delay
            asyncio.get_running_loop().call_later(delay, self.send, head.encode() + payload)

    def send(self, payload):
        self.seen.in_flight -= 1
        self.seen.times.append(round(time.monotonic(), 3))
        self.transport.write(payload)


async def serve(options):
    loop, seen, stop = asyncio.get_running_loop(), Seen(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    delays = random.Random(options.seed)
    server = await loop.create_server(lambda: Http(options, seen, delays), "127.0.0.1", options.port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    print(json.dumps(seen.report(options.times)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--by", choices=("number", "content"), default="number")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--p99-ms", type=float, default=0.0)
    parser.add_argument("--times", action="store_true", help="report when each answer left")
    options = parser.parse_args()
    if options.p99_ms and options.p99_ms <= options.latency_ms:
        sys.exit("--p99-ms must be above --latency-ms, the median")
    asyncio.run(serve(options))
