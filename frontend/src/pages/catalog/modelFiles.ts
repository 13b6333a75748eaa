/** What a model consists of, as the catalog takes it. */
export const fileExtensions = [
  '.safetensors',
  '.gguf',
  '.bin',
  '.pt',
  '.pth',
  '.onnx',
  '.json',
  '.txt',
  '.jinja',
  '.model',
  '.md',
] as const;
export const maxFileBytes = 10 * 1024 ** 3;

type Refusal = 'name' | 'extension' | 'size' | 'empty';

/** Why a file would be refused, before a byte is sent; null when it may go. */
export function refusalOf({ name, size }: { name: string; size: number }): Refusal | null {
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(name) || /^\.+$/.test(name)) return 'name';
  const lower = name.toLowerCase();
  if (!fileExtensions.some((extension) => lower.endsWith(extension) && lower.length > extension.length))
    return 'extension';
  if (size === 0) return 'empty';
  return size > maxFileBytes ? 'size' : null;
}
