/** 1.5 GB, 20 MB, 300 bytes */
export function bytesText(bytes: number): string {
  const [size, unit] =
    bytes >= 1e9
      ? [bytes / 1e9, 'GB']
      : bytes >= 1e6
        ? [bytes / 1e6, 'MB']
        : bytes >= 1e3
          ? [bytes / 1e3, 'kB']
          : [bytes, 'bytes'];
  return `${Number(size.toFixed(1))} ${unit}`;
}
