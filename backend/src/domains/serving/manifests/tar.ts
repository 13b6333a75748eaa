/** A file of an archive; `path` relative, with forward slashes. */
export interface ArchivedFile {
  path: string;
  text: string;
}

const block = 512;

/**
 * A tar archive (POSIX ustar), the same bytes for the same files: all of one time, by nobody. Throws for a path that the format cannot hold
 * (above 255 bytes, or a last part above 100). Pure.
 */
export function tarOf(files: readonly ArchivedFile[], at: Date): Buffer {
  const parts = files.flatMap(({ path, text }) => {
    const body = Buffer.from(text);
    return [headOf(path, body.length, at), body, Buffer.alloc((block - (body.length % block)) % block)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

function headOf(path: string, size: number, at: Date): Buffer {
  const head = Buffer.alloc(block);
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`;
  const [prefix, name] = divided(path);
  head.write(name, 0);
  head.write(octal(0o644, 8), 100);
  head.write(octal(0, 8), 108);
  head.write(octal(0, 8), 116);
  head.write(octal(size, 12), 124);
  head.write(octal(Math.floor(at.getTime() / 1000), 12), 136);
  // the sum is taken with its own field blank
  head.write(' '.repeat(8), 148);
  head.write('0', 156);
  head.write('ustar\x0000', 257);
  head.write(prefix, 345);
  const sum = head.reduce((all, byte) => all + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return head;
}

/** Long paths are kept in two fields, parted at a slash. */
function divided(path: string): [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ['', path];
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(name) <= 100) return [prefix, name];
  }
  throw new Error(`the path is too long for an archive: ${path}`);
}
