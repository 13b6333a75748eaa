"""Reads a Croissant file by its reference implementation, with the files given as `id=path`, and prints issues and records as JSON."""

import json
import sys

import mlcroissant as mlc

jsonld, *files = sys.argv[1:]
dataset = mlc.Dataset(jsonld, mapping=dict(file.split("=", 1) for file in files))


def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return None if value != value else value


print(
    json.dumps(
        {
            "errors": sorted(dataset.metadata.ctx.issues.errors),
            "warnings": sorted(dataset.metadata.ctx.issues.warnings),
            "version": dataset.metadata.version,
            "license": str(dataset.metadata.license),
            "limitations": dataset.metadata.data_limitations,
            "personal": dataset.metadata.personal_sensitive_information,
            "records": {
                records.uuid: [
                    {name: plain(value) for name, value in row.items()} for row in dataset.records(records.uuid)
                ]
                for records in dataset.metadata.record_sets
            },
        }
    )
)
