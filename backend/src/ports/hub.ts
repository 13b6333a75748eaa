import type { Readable } from 'node:stream';

export type HubKind = 'model' | 'dataset';

export interface HubFile {
  path: string;
  /** bytes */
  size: number;
  /** hex; null where the hub keeps the file in git itself */
  sha256: string | null;
  /** of git: SHA-1 over `blob {size}\0` and the bytes */
  gitBlob: string | null;
}

export interface HubRepository {
  id: string;
  /** the commit that the revision is now: later reads name it, so that they see one state */
  commit: string;
  files: HubFile[];
  /** as its own card gives it */
  license: string | null;
  /** of the texts, as its card gives them: `en`, `ko` */
  languages: string[];
}

/** A place that models and datasets can be imported from. Fails with `huggingface_unreachable` (worth another try) or `huggingface_refused`. */
export interface Hub {
  /** A model when no kind is given. Answers or fails within 10 s. */
  describe(id: string, revision: string, kind?: HubKind): Promise<HubRepository>;
  /** The bytes of a file; a connection that drops is taken up again where it broke off. */
  read(id: string, commit: string, file: HubFile, signal: AbortSignal, kind?: HubKind): Readable;
}
