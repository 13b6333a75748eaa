/** A name as SQL takes it, whatever it holds. */
export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A text as SQL takes it; for what cannot be a parameter (names of files, options, keys of a struct). */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The column that every file of rows ends with: see `RowsFile`. */
export const rowColumn = '__row';
/** What a column is called that says of which file a row is, where several are read at once. */
export const fileColumn = '__file';

/** A path as SQL takes it, and as nothing but a path: DuckDB takes some names for patterns. */
export function fileName(path: string): string {
  if (/[*?[\]{}]/.test(path)) throw new Error('The name of a file for DuckDB must not hold * ? [ ] { }.');
  return literal(path);
}

/** Rows of a Parquet file, as something to select from; its folders give no columns. */
export const parquet = (path: string): string => `read_parquet(${fileName(path)}, hive_partitioning = false)`;

/** Options of a `COPY … TO` that writes Parquet. The file is written in its place, the only one that is allowed. */
export const parquetOptions = (rowGroup: number): string =>
  `(format parquet, compression zstd, compression_level 1, row_group_size ${rowGroup}, use_tmp_file false)`;
