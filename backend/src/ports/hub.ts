import type { Readable } from 'node:stream';

export interface HubFile {
  path: string;
  /** bytes */
  size: number;
  /** hex; null where the hub keeps the file in git itself */
  sha256: string | null;
  /** of git: SHA-1 over `blob {size}\0` and the bytes */
  gitBlob: string | null;
}

export interface HubModel {
  id: string;
  /** the commit that the revision is now: later reads name it, so that they see one state */
  commit: string;
  files: HubFile[];
  /** as the model's own card gives it */
  license: string | null;
}

/** A place that models can be imported from. Fails with `huggingface_unreachable` (worth another try) or `huggingface_refused`. */
export interface Hub {
  /** Answers or fails within 10 s. */
  describe(id: string, revision: string): Promise<HubModel>;
  /** The bytes of a file; a connection that drops is taken up again where it broke off. */
  read(id: string, commit: string, file: HubFile, signal: AbortSignal): Readable;
}
