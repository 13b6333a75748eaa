"""A profile as polars does it: schema, counts, missing, blank, different values, duplicates, distributions, frequent values, outliers.

Usage: polars_profile.py FILE [PARQUET]: with PARQUET the rows are kept there first, as the platform keeps them. Prints the counts as JSON.
"""

import json
import sys

import polars as pl

QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]
BINS = 20


def main(path: str, kept: str | None) -> None:
    if path.endswith(".jsonl"):
        frame = pl.read_ndjson(path)
    else:
        frame = pl.read_csv(path, try_parse_dates=True, infer_schema_length=10_000)
    if kept is not None:
        frame.write_parquet(kept, compression="zstd", compression_level=1, row_group_size=20_480)
    schema = frame.schema
    texts = [name for name, kind in schema.items() if kind == pl.String]
    moments = [name for name, kind in schema.items() if kind.is_temporal()]
    measures = {name: pl.col(name).cast(pl.Float64) for name, kind in schema.items() if kind.is_numeric()}
    measures |= {name: pl.col(name).cast(pl.Datetime("ms")).cast(pl.Int64) for name in moments}
    measures |= {name: pl.col(name).str.len_chars() for name in texts}
    measured = frame.lazy().select(**measures).collect()

    facts = frame.select(
        rows=pl.len(),
        **{f"{name}:missing": pl.col(name).null_count() for name in schema},
        **{f"{name}:distinct": pl.col(name).approx_n_unique() for name in schema},
        **{f"{name}:empty": (pl.col(name).str.strip_chars() == "").sum() for name in texts},
    ).row(0, named=True)
    spread = measured.select(
        **{f"{name}:minimum": pl.col(name).min() for name in measures},
        **{f"{name}:maximum": pl.col(name).max() for name in measures},
        **{f"{name}:mean": pl.col(name).mean() for name in measures},
        **{f"{name}:deviation": pl.col(name).std() for name in measures},
        **{f"{name}:{q}": pl.col(name).quantile(q, "linear") for name in measures for q in QUANTILES},
    ).row(0, named=True)

    counts = {}
    for name in measures:
        low, high = spread[f"{name}:minimum"], spread[f"{name}:maximum"]
        lower, upper = spread[f"{name}:0.25"], spread[f"{name}:0.75"]
        if low is None:
            continue
        column = pl.col(name)
        width = (high - low) / BINS or 1
        counts[f"{name}:bins"] = ((column - low) / width).floor().clip(0, BINS - 1).value_counts().implode()
        if upper > lower:
            scaled = (column + 1).log() if name in texts else column
            first, last = fences(lower, upper, name in texts)
            counts[f"{name}:outliers"] = ((scaled < first) | (scaled > last)).sum()
    placed = measured.lazy().select(**counts).collect().row(0, named=True)

    few = [name for name in schema if facts[f"{name}:distinct"] <= 60]
    values = {name: frame[name].value_counts(sort=True).head(50).rows() for name in few}
    duplicates = facts["rows"] - frame.lazy().unique().select(pl.len()).collect().item()
    labels = set(few) & set(texts)
    result = {
        "rows": facts["rows"],
        "duplicate_rows": duplicates,
        "columns": {
            name: {
                "missing": facts[f"{name}:missing"],
                "outliers": 0 if name in labels else placed.get(f"{name}:outliers", 0),
            }
            for name in schema
        },
        "values": {name: len(found) for name, found in values.items()},
    }
    json.dump(result, sys.stdout)


def fences(lower: float, upper: float, text: bool) -> tuple[float, float]:
    """3 interquartile ranges beyond the quartiles; of lengths on a scale of factors."""
    import math

    if text:
        lower, upper = math.log1p(lower), math.log1p(upper)
    reach = 3 * (upper - lower)
    return lower - reach, upper + reach


main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
