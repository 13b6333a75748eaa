import {
  DuckDBBlobValue,
  DuckDBTypeId,
  type DuckDBArrayType,
  type DuckDBArrayValue,
  type DuckDBListType,
  type DuckDBListValue,
  type DuckDBMapType,
  type DuckDBMapValue,
  type DuckDBStructType,
  type DuckDBStructValue,
  type DuckDBType,
  type DuckDBUnionType,
  type DuckDBUnionValue,
  type DuckDBValue,
} from '@duckdb/node-api';

/** Numbers that a double does not hold exactly are bigint; decimals, dates and times are text; binary is base64. */
export type Cell = string | number | bigint | boolean | null | Cell[] | { [key: string]: Cell };

export const integerCell = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

export function toCell(value: DuckDBValue, type: DuckDBType): Cell {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  if (typeof value === 'bigint') return integerCell(value);
  switch (type.typeId) {
    case DuckDBTypeId.LIST:
      return (value as DuckDBListValue).items.map((item) => toCell(item, (type as DuckDBListType).valueType));
    case DuckDBTypeId.ARRAY:
      return (value as DuckDBArrayValue).items.map((item) => toCell(item, (type as DuckDBArrayType).valueType));
    case DuckDBTypeId.STRUCT: {
      const { entryNames, entryTypes } = type as DuckDBStructType;
      const { entries } = value as DuckDBStructValue;
      return Object.fromEntries(
        entryNames.map((name, at) => [
          name,
          // Not what every object has anyway: a member may be called `constructor`.
          toCell(Object.hasOwn(entries, name) ? entries[name]! : null, entryTypes[at]!),
        ]),
      );
    }
    case DuckDBTypeId.MAP:
      return mapCell(value as DuckDBMapValue, type as DuckDBMapType);
    case DuckDBTypeId.UNION: {
      const { tag, value: held } = value as DuckDBUnionValue;
      return toCell(held, (type as DuckDBUnionType).memberTypeForTag(tag));
    }
    default:
      return value instanceof DuckDBBlobValue ? Buffer.from(value.bytes).toString('base64') : String(value);
  }
}

function mapCell({ entries }: DuckDBMapValue, { keyType, valueType }: DuckDBMapType): Cell {
  const pairs = entries.map(({ key, value }) => ({ key: toCell(key, keyType), value: toCell(value, valueType) }));
  return pairs.every(({ key }) => typeof key === 'string')
    ? Object.fromEntries(pairs.map(({ key, value }) => [key as string, value]))
    : pairs;
}
