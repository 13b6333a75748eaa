/** Version that an image's tag names: `vllm/vllm-openai:v0.9.1` → [0, 9]; null for `latest`, `nightly`, digests and names of their own. */
export function versionOf(image: string): [major: number, minor: number] | null {
  const last = image.split('/').at(-1)!.split('@')[0]!;
  const found = /:v?(\d+)\.(\d+)(?:[.\-+]|$)/.exec(last);
  return found ? [Number(found[1]), Number(found[2])] : null;
}

export function isBelow(version: readonly [number, number] | null, major: number, minor: number): boolean {
  if (version === null) return false;
  return version[0] < major || (version[0] === major && version[1] < minor);
}
