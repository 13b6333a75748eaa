"""Presidio's recognisers of the kinds that ours finds too, each asked directly: no language model, no other recogniser, no network.

Reads lines of {"file": path, "bytes": n} and answers {"seconds": CPU, "bytes": n, "found": count} for the first n bytes of the file.
"""

import json
import sys
import time

import tldextract

# it would fetch the list of public suffixes; the one that came with it does
tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())

from presidio_analyzer.predefined_recognizers import (  # noqa: E402
    CreditCardRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    KrBrnRecognizer,
    KrFrnRecognizer,
    KrPassportRecognizer,
    KrRrnRecognizer,
    PhoneRecognizer,
    UsPassportRecognizer,
    UsSsnRecognizer,
)

recognizers = [
    EmailRecognizer(),
    PhoneRecognizer(supported_regions=("US", "GB", "KR")),
    CreditCardRecognizer(),
    IbanRecognizer(),
    UsSsnRecognizer(),
    UsPassportRecognizer(),
    IpRecognizer(),
    KrRrnRecognizer(),
    KrFrnRecognizer(),
    KrBrnRecognizer(),
    KrPassportRecognizer(),
]

for line in sys.stdin:
    asked = json.loads(line)
    with open(asked["file"], "rb") as file:
        texts = file.read(asked["bytes"]).decode("utf-8", "ignore").split("\n")
    found = 0
    started = time.process_time()
    for text in texts:
        for recognizer in recognizers:
            found += len(recognizer.analyze(text, recognizer.supported_entities, None))
    print(json.dumps({"seconds": time.process_time() - started, "bytes": asked["bytes"], "found": found}), flush=True)
