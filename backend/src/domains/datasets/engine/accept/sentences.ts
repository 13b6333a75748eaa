import { createWords } from '#platform/words';

const valid = 'Make it valid JSON.';
const oneLine = 'An object must not go on in the next line: write line breaks in texts as \\n.';

/** Why a file, or a line of it, is not taken, and what to do about it. */
export const words = createWords('accept', {
  kind_unknown: {
    reason: 'Files of this kind are not taken.',
    fix: 'Send .csv, .jsonl, .ndjson or .parquet; .csv, .jsonl and .ndjson may be compressed to .gz.',
  },
  file_empty: { reason: 'The file is empty.', fix: 'Send a file with at least one row.' },
  csv_empty: { reason: 'The file is empty.', fix: 'Send a file with a header and rows.' },
  rows_none: { reason: 'The file has no rows.', fix: 'Send a file with at least one row.' },
  too_many_columns: {
    reason: 'There are {columns:column}; at most {most} are taken.',
    fix: 'Put values into lists or objects, or split the table.',
  },
  not_gzip: { reason: 'The content is not compressed, though the name says so.', fix: 'Take .gz off the name.' },
  not_parquet: {
    reason: 'The content is not Parquet: it does not begin with PAR1.',
    fix: 'Write it as Parquet, or name it by what it is.',
  },
  is_gzip: {
    reason: 'The content is compressed by gzip, which the name does not say.',
    fix: 'Name it so that it ends with .csv.gz or .jsonl.gz, or decompress it.',
  },
  is_parquet: {
    reason: 'The content is Parquet, which the name does not say.',
    fix: 'Name it so that it ends with .parquet.',
  },
  is_zip: {
    reason: 'The content is a zip archive or an Excel workbook, which the name does not say.',
    fix: 'Unpack it, or save the sheet as CSV (UTF-8).',
  },
  is_zstd: {
    reason: 'The content is compressed by zstd, which the name does not say.',
    fix: 'Decompress it, or compress it by gzip instead.',
  },
  is_xz: {
    reason: 'The content is compressed by xz, which the name does not say.',
    fix: 'Decompress it, or compress it by gzip instead.',
  },
  is_bzip2: {
    reason: 'The content is compressed by bzip2, which the name does not say.',
    fix: 'Decompress it, or compress it by gzip instead.',
  },
  is_pdf: {
    reason: 'The content is a PDF document, which the name does not say.',
    fix: 'Take the text out of it and send that as JSONL.',
  },
  is_excel: {
    reason: 'The content is an Excel workbook, which the name does not say.',
    fix: 'Save the sheet as CSV (UTF-8).',
  },
  is_arrow: { reason: 'The content is an Arrow file, which the name does not say.', fix: 'Write it as Parquet.' },
  is_avro: {
    reason: 'The content is an Avro file, which the name does not say.',
    fix: 'Write it as Parquet or JSONL.',
  },
  gzip_too_large: {
    reason: 'The file is larger than {limit} when it is decompressed.',
    fix: 'Split it into several files.',
  },
  gzip_cut: { reason: 'The compressed file ends too early.', fix: 'Compress it again and send it whole.' },
  gzip_damaged: {
    reason: 'The compressed file is damaged behind {place} of its content.',
    fix: 'Compress it again; `gzip -t FILE` must be content with it.',
  },
  nul_byte: {
    reason: 'There is a NUL byte at byte {byte} of the row.',
    fix: "Take NUL bytes out, for instance by `tr -d '\\000'`, or find out what wrote them.",
  },
  not_utf8: { reason: 'Byte {byte} of the row ({value}) is not UTF-8.', fix: 'Save the row as UTF-8.' },
  not_of_encoding: { reason: 'The row holds bytes that are not {encoding}.', fix: 'Save the file as UTF-8.' },
  utf32: { reason: 'The file is in UTF-32.', fix: 'Save it as UTF-8.' },
  encoding_unknown: {
    reason: 'The text is not UTF-8 (first at byte {byte}), and neither UTF-16, CP949 nor Latin-1.',
    fix: 'Save the file as UTF-8.',
  },
  column_unnamed: { reason: 'Column {number} has no name.', fix: 'Give it one, or take it out.' },
  column_name_long: {
    reason: 'Column {number} has a name of {length} characters.',
    fix: 'Give it one of at most {most}.',
  },
  column_name_nul: { reason: 'Column {number} has a NUL character in its name.', fix: 'Take it out.' },
  key_unnamed: { reason: 'A key has no name.', fix: 'Give it one, or take it out.' },
  key_name_long: { reason: 'A key has a name of {length} characters.', fix: 'Give it one of at most {most}.' },
  key_name_nul: { reason: 'A key has a NUL character in its name.', fix: 'Take it out.' },
  column_name_reserved: { reason: "The name {name} is the platform's own.", fix: 'Give the column another name.' },
  column_twice: {
    reason: 'Columns {first} and {second} have the same name.',
    fix: 'Give each column a name of its own.',
  },
  column_case: {
    reason: 'Columns {first} and {second} have names that differ in case only.',
    fix: 'Give each column a name of its own.',
  },
  columns_missing: {
    reason: 'A dataset of type {type} needs {wanted}; there is no {missing}.',
    fix: 'Name the columns so, or give the dataset another type. Other names: {others}. The file has: {found}.',
  },
  parquet_damaged: {
    reason: 'The Parquet file is damaged.',
    fix: 'Write it again and send it whole; a Parquet reader such as pyarrow must be able to read it.',
  },
  parquet_encrypted: {
    reason: 'The Parquet file is encrypted.',
    fix: 'Write it without encryption; the platform has no key for it.',
  },
  parquet_cut: {
    reason: 'The Parquet file is cut off: it does not end with PAR1.',
    fix: 'Send it whole; whoever writes it has to close it first.',
  },
  parquet_wide: {
    reason: 'There are {columns:column}; of a Parquet file at most {most} can be read with the memory that is set.',
    fix: 'Send it as CSV or JSONL, put values into lists, or have DATASET_MEMORY_MB raised.',
  },
  parquet_too_large: {
    reason: 'The rows are larger than {limit} when they are decompressed.',
    fix: 'Split the file into several.',
  },
  too_many_keys: {
    reason: 'There are more than {most:different key} up to here.',
    fix: 'Put values with keys of their own into an object.',
  },
  keys_none: { reason: 'No object has a key.', fix: 'Send objects with values.' },
  line_too_long: { reason: 'The line is longer than {limit}.', fix: 'Split it, or take out what is not needed.' },
  csv_is_json: { reason: 'The content is JSON, not CSV.', fix: 'Name the file so that it ends with .jsonl.' },
  quote_open: {
    reason: 'A quote that is opened here is never closed.',
    fix: 'Close it. A quote that belongs to the text is written twice.',
  },
  row_too_long: {
    reason: 'The row that begins here is longer than {limit}.',
    fix: 'Is a quote not closed? Else split the row.',
  },
  quote_stray: {
    reason: 'There is text behind a closing quote.',
    fix: 'Write a quote that belongs to the text twice, and nothing between the closing quote and the delimiter.',
  },
  fields_missing: {
    reason: 'The row has {fields:field} where there are {columns:column}.',
    fix: 'Add what is missing; an empty field keeps its delimiter ({delimiter}).',
  },
  fields_surplus: {
    reason: 'The row has {fields:field} where there are {columns:column}.',
    fix: 'Put fields that hold the delimiter ({delimiter}) in quotes, or take out what is too much.',
  },
  refused: { message: '{place}: {reason}' },
  both: { message: '{reason} {fix}' },
  json_at: { reason: '{fault} (character {character})' },
  json_string_open: { reason: 'The text ends within a string.', fix: oneLine },
  json_control_character: {
    reason: 'There is a control character ({value}) in a string.',
    fix: 'Write line breaks in texts as \\n and tabs as \\t.',
  },
  json_escape_unknown: { reason: 'There is no such escape in JSON.', fix: valid },
  json_escape_short: { reason: 'An escape \\u needs four hexadecimal digits.', fix: valid },
  json_escape_half: { reason: 'Half of a pair of \\u escapes stands alone.', fix: valid },
  json_number_empty: { reason: 'A number has no digits.', fix: valid },
  json_number_zero: { reason: 'A number begins with a zero.', fix: valid },
  json_number_point: { reason: 'A number has no digits behind its point.', fix: valid },
  json_number_exponent: { reason: 'A number has no digits in its exponent.', fix: valid },
  json_incomplete: { reason: 'The object is not complete.', fix: oneLine },
  json_single_quotes: {
    reason: 'There are single quotes where JSON has double ones.',
    fix: 'Write JSON, for instance by json.dumps; str() gives no JSON.',
  },
  json_no_value: {
    reason: '{word} is no value in JSON.',
    fix: 'Use null for what is missing, and true and false.',
  },
  json_unexpected: { reason: 'There is a {sign} where JSON has none.', fix: valid },
  json_none: { reason: 'This is no JSON.', fix: valid },
  json_key_missing: { reason: 'A key in quotes is missing here.', fix: valid },
  json_colon_missing: { reason: 'There is no colon behind a key.', fix: valid },
  json_key_twice: { reason: 'The key {key} is there twice.', fix: 'Give each value a key of its own.' },
  json_key_case: {
    reason: 'The keys {first} and {second} differ in case only.',
    fix: 'Give each value a key of its own.',
  },
  json_deep: {
    reason: 'Lists and objects are nested more than {depth} deep.',
    fix: 'Write it flatter, or as several rows.',
  },
  json_many_values: {
    reason: 'There are more than {most} values in one line.',
    fix: 'Write it flatter, or as several rows.',
  },
  json_container_open: { reason: 'A list or an object is not closed.', fix: oneLine },
  json_object_open: { reason: 'The object is not closed.', fix: oneLine },
  json_comma_or_brace: { reason: 'A comma or a closing brace is missing here.', fix: valid },
  json_comma_or_bracket: { reason: 'A comma or a closing bracket is missing here.', fix: valid },
  json_behind: {
    reason: 'There is something behind the object; each line has one.',
    fix: 'Put each object on a line of its own.',
  },
  json_list: {
    reason: 'The line is a list, not an object.',
    fix: 'Write one object a line, without brackets around them and commas between them.',
  },
  json_scalar: {
    reason: 'The line is a value, not an object.',
    fix: 'Put it into an object with a key for it, such as text.',
  },
});

/** What a person may want to check in a file that was taken. */
export const noteWords = createWords('note', {
  encoding: { text: 'The text was in {encoding}; its rows are kept in UTF-8.' },
  no_header: { text: 'The first line holds data, so the columns are named column_1, column_2 and so on.' },
  line_ends: { text: 'Lines end in different ways.' },
  blank_lines: { text: '{lines:blank line} left out.' },
  bad_rows: { text: '{rows:row} left out because they could not be read.' },
  bad_lines: { text: '{lines:line} left out because they could not be read.' },
});
