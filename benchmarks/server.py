"""An OpenAI-compatible server with a fixed latency, to measure a client against. Standard library only.

`python3 server.py --port 0 --latency-ms 200` prints its port, answers `/v1/models`, `/v1/completions` (with and
without echoed log-probabilities) until SIGTERM, then prints what it saw as one line of JSON. It parses HTTP/1.1
itself (keep-alive, bodies with a Content-Length), since `http.server`'s threads would be slower than the client.

It must not know who calls it. Next: run.py.
"""

import argparse
import asyncio
import json
import re
import resource
import signal
import time
import zlib

TOKEN = re.compile(r"\w+|\W")
BIN_S = 0.1
SENTENCES = [
    "I love roasted carrots.",
    "I hate boiled cabbage.",
    "Beans are cheap and they fill me up.",
    "Kale is awful.",
    "Nothing beats a fresh tomato in August.",
    "The weather was fine on Sunday.",
]


class Seen:
    """What the server saw. Times are CLOCK_MONOTONIC seconds, which all processes of a machine share."""

    def __init__(self):
        self.first = None
        self.requests = self.in_flight = self.most_in_flight = self.connections = 0
        self.held_s = 0.0
        self.bins = {}

    def begin(self, now):
        self.first = self.first or now
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def end(self, began):
        now = time.monotonic()
        self.in_flight -= 1
        self.held_s += now - began
        bin_ = int(now / BIN_S)
        self.bins[bin_] = self.bins.get(bin_, 0) + 1

    def report(self):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "first": self.first,
            "requests": self.requests,
            "connections": self.connections,
            "most_in_flight": self.most_in_flight,
            "mean_held_ms": 1e3 * self.held_s / max(1, self.requests),
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "bin_s": BIN_S,
            "bins": sorted(self.bins.items()),
        }


def echo(prompt):
    """The last 48 characters word by word, what comes before as one token; then one generated token."""
    head = max(0, len(prompt) - 48)
    tokens, offsets, values = [], [], []
    if head:
        tokens, offsets, values = [prompt[:head]], [0], [None]
    for match in TOKEN.finditer(prompt, head):
        offsets.append(match.start())
        tokens.append(match.group())
        # Longer words are less likely; the text's checksum makes texts differ.
        noise = zlib.crc32(prompt.encode()) % 997 / 2000
        values.append(-0.5 * len(match.group()) - noise if match.start() else None)
    tokens.append(".")
    offsets.append(len(prompt))
    values.append(-1.0)
    logprobs = {"tokens": tokens, "text_offset": offsets, "token_logprobs": values, "top_logprobs": None}
    return {"text": prompt + ".", "index": 0, "finish_reason": "length", "logprobs": logprobs}


def answer(path, body):
    """Status and JSON for a request."""
    if path == "/v1/models":
        return 200, {"object": "list", "data": [{"id": "m", "object": "model"}]}
    if path != "/v1/completions":
        return 404, {"error": {"message": f"no such path: {path}"}}
    request = json.loads(body)
    prompt = request["prompt"]
    if request.get("echo"):
        choice = echo(prompt)
    else:
        mark = zlib.crc32(f"{prompt}{request.get('seed')}".encode())
        words = [SENTENCES[(mark >> shift) % len(SENTENCES)] for shift in (0, 8, 16)]
        choice = {"text": " " + " ".join(words), "index": 0, "finish_reason": "stop", "logprobs": None}
    usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": 16, "total_tokens": len(prompt) // 4 + 16}
    return 200, {"id": "c", "object": "text_completion", "model": "m", "choices": [choice], "usage": usage}


class Http(asyncio.Protocol):
    """One connection."""

    def __init__(self, seen, latency_s):
        self.seen, self.latency_s, self.buffer = seen, latency_s, b""

    def connection_made(self, transport):
        self.transport = transport
        self.seen.connections += 1

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
            began = time.monotonic()
            self.seen.begin(began)
            path = head.split(b" ", 2)[1].decode()
            status, reply = answer(path, rest[:length])
            payload = json.dumps(reply).encode()
            head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n"
            # The latency counts from the request's arrival: the work above is part of it.
            left = self.latency_s - (time.monotonic() - began)
            loop = asyncio.get_running_loop()
            loop.call_later(max(0.0, left), self.reply, head.encode() + payload, began)

    def reply(self, payload, began):
        self.transport.write(payload)
        self.seen.end(began)


async def serve(port, latency_s):
    loop, seen, stop = asyncio.get_running_loop(), Seen(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: Http(seen, latency_s), "127.0.0.1", port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    print(json.dumps(seen.report()), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=200.0)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.latency_ms / 1e3))
