import type { RevisionSpec } from '#ports/runtime';
import { modelFolder } from '../types.ts';

export interface ModelSource {
  /** what the runtime is told to load */
  model: string;
  kind: 'hub' | 'storage' | 'folder';
}

export function hubId(spec: RevisionSpec): string | null {
  const id = spec.model.metadata.huggingface_model_id;
  return typeof id === 'string' && id.trim() !== '' ? id.trim() : null;
}

export const folder = (): ModelSource => ({ model: modelFolder, kind: 'folder' });

/** Files that vLLM's own streamer reads straight from the object store. */
export function isStreamable(spec: RevisionSpec): boolean {
  const weights = spec.model.files.filter(({ path }) => /\.(safetensors|bin|pt|pth|gguf|onnx)$/.test(path));
  return weights.length > 0 && weights.every(({ path }) => path.endsWith('.safetensors'));
}
