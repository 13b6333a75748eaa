"""Eight expectations of great_expectations, with its pandas engine. Prints how many hold."""

import sys

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd


def main(path: str) -> None:
    frame = pd.read_json(path, lines=True) if path.endswith(".jsonl") else pd.read_csv(path)
    context = gx.get_context(mode="ephemeral")
    rows = context.data_sources.add_pandas("bench").add_dataframe_asset("rows")
    suite = gx.ExpectationSuite(
        name="eight",
        expectations=[
            gxe.ExpectTableRowCountToBeBetween(min_value=1),
            gxe.ExpectTableColumnsToMatchSet(column_set=list(frame.columns)),
            gxe.ExpectColumnValuesToNotBeNull(column="instruction"),
            gxe.ExpectColumnValuesToBeInSet(column="language", value_set=["en", "ko", "de", "fr", "es"]),
            gxe.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=120),
            gxe.ExpectColumnMeanToBeBetween(column="score", min_value=0, max_value=1),
            gxe.ExpectColumnValueLengthsToBeBetween(column="response", min_value=1, max_value=100_000),
            gxe.ExpectCompoundColumnsToBeUnique(column_list=list(frame.columns)),
        ],
    )
    batch = rows.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
    result = batch.validate(suite)
    print(f'"{sum(each.success for each in result.results)} of {len(result.results)}"')


main(sys.argv[1])
