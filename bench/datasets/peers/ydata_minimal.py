"""The minimal profile of ydata-profiling. Prints how many columns it describes."""

import sys

import pandas as pd
from ydata_profiling import ProfileReport


def main(path: str) -> None:
    frame = pd.read_json(path, lines=True) if path.endswith(".jsonl") else pd.read_csv(path)
    report = ProfileReport(frame, minimal=True, progress_bar=False)
    print(len(report.get_description().variables))


main(sys.argv[1])
