"""Two versions compared as polars does it: a join by key and a diff of cells, or bags of whole rows; and how distributions changed.

Usage: polars_compare.py BEFORE AFTER [KEY]: Parquet files of rows. Prints the counts as JSON.
"""

import json
import resource
import sys

import polars as pl

BINS = 20


def main(before: str, after: str, key: str | None) -> None:
    own, other = (pl.read_parquet(path).drop("__row") for path in (before, after))
    result = keyed(own, other, key) if key else by_content(own, other)
    result["distributions"] = len([distribution(own[name], other[name]) for name in own.columns])
    result["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    json.dump(result, sys.stdout)


def keyed(own: pl.DataFrame, other: pl.DataFrame, key: str) -> dict:
    shared = [name for name in own.columns if name != key]
    joined = own.join(other, on=key, how="inner", suffix=":after")
    differs = joined.select(pl.col(name).ne_missing(pl.col(f"{name}:after")) for name in shared)
    modified = differs.select(pl.any_horizontal(pl.all()).sum()).item()
    return {
        "added": other.join(own, on=key, how="anti").height,
        "removed": own.join(other, on=key, how="anti").height,
        "modified": modified,
        "unchanged": joined.height - modified,
        "cells": sum(differs.sum().row(0)),
    }


def by_content(own: pl.DataFrame, other: pl.DataFrame) -> dict:
    counts = [
        frame.select(h=pl.struct(pl.all()).hash()).group_by("h").len(name) for frame, name in ((own, "b"), (other, "a"))
    ]
    both = counts[0].join(counts[1], on="h", how="full", coalesce=True).fill_null(0)
    added, removed = both.select(
        (pl.col("a").cast(pl.Int64) - pl.col("b").cast(pl.Int64)).clip(lower_bound=0).sum().alias("added"),
        (pl.col("b").cast(pl.Int64) - pl.col("a").cast(pl.Int64)).clip(lower_bound=0).sum().alias("removed"),
    ).row(0)
    return {"added": added, "removed": removed, "modified": 0, "unchanged": other.height - added}


def distribution(own: pl.Series, other: pl.Series) -> tuple:
    """Labels are counted; numbers, and lengths of texts, are put into bins."""
    if own.n_unique() <= 50:
        return own.value_counts().height, other.value_counts().height
    numbers = [side.cast(pl.Float64, strict=False) for side in (own, other)]
    if numbers[0].null_count() > own.null_count():
        numbers = [side.str.len_chars().cast(pl.Float64) for side in (own, other)]
    return tuple(side.hist(bin_count=BINS).height for side in numbers)


main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None)
