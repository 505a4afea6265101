"""boto3's core (botocore), measured.

The command line and the modes are those of bench/floor.c and bench/micro.c:

    python3 boto.py MODE ENDPOINT MODEL COUNT [CA-FILE]
    python3 boto.py framing FILE SIZE
    python3 boto.py sign

Where botocore has no model of Bedrock Runtime of its own, $AWS_DATA_PATH
names a folder with one.
"""
import sys
import threading
import time

import botocore.session
from botocore.config import Config

SMALL = "tiny.whole.16384.1"
HELLO = {"role": "user", "content": [{"text": "Hello"}]}
KEYS = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def say(**fields):
    print(" ".join(f"{name}={value}" for name, value in fields.items()),
          flush=True)


def status(name):
    with open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    return 0


def median(values):
    return sorted(values)[len(values) // 2]


class Client:
    def __init__(self, endpoint, model, count, ca=None):
        self.model, self.count = model, int(count)
        self.client = botocore.session.Session().create_client(
            "bedrock-runtime", region_name="us-east-1", endpoint_url=endpoint,
            aws_access_key_id=KEYS[0], aws_secret_access_key=KEYS[1],
            verify=ca, config=Config(max_pool_connections=self.count))

    def converse(self, messages):
        return self.client.converse(modelId=self.model, messages=messages)

    def events(self, model):
        return self.client.converse_stream(
            modelId=model, messages=[HELLO])["stream"]

    def drain(self, model):
        return sum(1 for _ in self.events(model))

    def start(self):
        for i, _ in enumerate(self.events(self.model)):
            if i == 0:
                print("first", flush=True)

    def stream(self):
        self.drain(SMALL)
        used, began = time.process_time(), time.monotonic()
        n = self.drain(self.model)
        say(events=n, cpu=time.process_time() - used,
            wall=time.monotonic() - began)

    def first(self):
        self.drain(self.model)
        latency, used = [], time.process_time()
        for _ in range(self.count):
            began = time.monotonic()
            for i, _ in enumerate(self.events(self.model)):
                if i == 0:
                    latency.append(time.monotonic() - began)
        say(latency=median(latency),
            cpu=(time.process_time() - used) / self.count)

    def unary(self):
        self.converse([HELLO])
        used, began = time.process_time(), time.monotonic()
        for _ in range(self.count):
            self.converse([HELLO])
        say(rate=self.count / (time.monotonic() - began),
            cpu=(time.process_time() - used) / self.count)

    def slow(self):
        self.drain(SMALL)
        before, used = status("VmRSS"), time.process_time()
        found = [(0, 0)] * self.count

        def one(i):
            n, last, gap = 0, None, 0
            for _ in self.events(self.model):
                now = time.monotonic()
                if last:
                    gap = max(gap, now - last)
                n, last = n + 1, now
            found[i] = n, gap

        threads = [threading.Thread(target=one, args=(i,))
                   for i in range(self.count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        n = sum(events for events, _ in found)
        say(events=n, cpu=(time.process_time() - used) / n,
            kib=(status("VmHWM") - before) / self.count,
            gap=max(gap for _, gap in found))

    def history(self):
        text = "The quick brown fox jumps over the lazy dog. " * 9
        messages = [{"role": "assistant" if i % 2 else "user",
                     "content": [{"text": text}]} for i in range(self.count)]
        self.converse(messages)
        say(cpu=cost(lambda: self.converse(messages)) * 1e-9)

    def image(self):
        self.converse([HELLO])
        before, used = status("VmHWM"), time.process_time()
        image = {"format": "png",
                 "source": {"bytes": b"\x89PNG" * (self.count // 4)}}
        self.converse([{"role": "user", "content": [
            {"text": "Hello"}, {"image": image}]}])
        say(body=self.count / 3 * 4, cpu=time.process_time() - used,
            grown=(status("VmHWM") - before) * 1024)


def cost(work):
    """Nanoseconds of CPU per call, once it is warm."""
    work()
    used, n = time.process_time(), 0
    while time.process_time() - used < 0.5:
        work()
        n += 1
    return (time.process_time() - used) / n * 1e9


def framing(path, size):
    from botocore.eventstream import EventStreamBuffer
    with open(path, "rb") as file:
        data = file.read()
    size, n = int(size), 0

    def decode():
        nonlocal n
        n, decoder = 0, EventStreamBuffer()
        for at in range(0, len(data), size):
            decoder.add_data(data[at:at + size])
            n += sum(1 for _ in decoder)

    say(ours=cost(decode) / n)


def sign():
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    signer = SigV4Auth(Credentials(*KEYS), "bedrock", "us-east-1")
    url = ("https://bedrock-runtime.us-east-1.amazonaws.com/model/"
           "anthropic.claude-3-5-haiku-20241022-v1%3A0/converse")

    def once():
        signer.add_auth(AWSRequest("POST", url, data=b"x" * 1024, headers={
            "content-type": "application/json",
            "amz-sdk-invocation-id": "5f0c3a4e-3f65-4a63-9d5e-6b1f0d2c7a11",
            "amz-sdk-request": "attempt=1; max=3"}))

    say(derived=cost(once))


mode, arguments = sys.argv[1], sys.argv[2:]
if mode in ("framing", "sign"):
    {"framing": framing, "sign": sign}[mode](*arguments)
else:
    getattr(Client(*arguments), mode)()
