"""Puts lines of standard input into a mailbox, each once: with the standard library alone.

    python3 puts.py http://127.0.0.1:21001/mailbox/bob?sender=alice < lines

A line has a key, and is sent again with it until there is an answer. Prints the number that each message got.
"""

import sys
import time
import urllib.error
import urllib.request
import uuid


def put(url, text):
    key = uuid.uuid4().hex
    while True:
        request = urllib.request.Request(
            url, text.encode(), {"Idempotency-Key": key, "Content-Type": "text/plain"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read().decode().strip()
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503, 507):
                raise
        except OSError:
            # no answer: it may be stored, or not
            pass
        time.sleep(0.2)


for line in sys.stdin:
    print(put(sys.argv[1], line.rstrip("\n")), flush=True)
