import { computed, onScopeDispose, reactive } from 'vue';
import { isResumable, sendFile, type UploadKind } from '../../services/sendFile.ts';

export interface UploadItem {
  key: number;
  file: File;
  state: 'queued' | 'sending' | 'done' | 'failed' | 'stopped';
  /** bytes that arrived */
  sent: number;
  error: unknown;
  /** it can be paused and goes on where it was */
  resumable: boolean;
  stop: AbortController;
}
interface Options {
  kind: UploadKind;
  /** called after each file that arrived */
  done?: () => void;
  /** what is said of a file beside its bytes, asked when it is sent */
  fields?: () => Record<string, string>;
}
export type Uploads = ReturnType<typeof useUploads>;

/** Files on their way to a model or dataset, two at a time. */
export function useUploads({ kind, done, fields }: Options) {
  const items = reactive<UploadItem[]>([]);
  let nextKey = 0;
  let target = '';

  async function send(item: UploadItem) {
    item.state = 'sending';
    item.error = null;
    item.stop = new AbortController();
    try {
      await sendFile({
        kind,
        id: target,
        file: item.file,
        fields: fields?.() ?? {},
        signal: item.stop.signal,
        onProgress: (sent) => (item.sent = sent),
      });
      item.sent = item.file.size;
      item.state = 'done';
      done?.();
    } catch (error) {
      item.state = item.stop.signal.aborted ? 'stopped' : 'failed';
      item.error = item.stop.signal.aborted ? null : error;
    }
    pump();
  }
  function pump() {
    const free = 2 - items.filter((item) => item.state === 'sending').length;
    if (target === '') return;
    for (const item of items.filter(({ state }) => state === 'queued').slice(0, Math.max(0, free))) void send(item);
  }

  onScopeDispose(() => items.forEach((item) => item.stop.abort()));
  return {
    items,
    active: computed(() => items.some(({ state }) => state === 'queued' || state === 'sending')),
    failed: computed(() => items.some(({ state }) => state === 'failed' || state === 'stopped')),
    add(files: readonly File[]) {
      for (const file of files) {
        const resumable = isResumable(kind, file.size);
        const stop = new AbortController();
        items.push({ key: nextKey++, file, state: 'queued', sent: 0, error: null, resumable, stop });
      }
      pump();
    },
    /** Begins to send to this model or dataset; before, files wait. */
    start(id: string) {
      target = id;
      pump();
    },
    again(item: UploadItem) {
      item.state = 'queued';
      pump();
    },
    remove(item: UploadItem) {
      item.stop.abort();
      const index = items.findIndex(({ key }) => key === item.key);
      if (index >= 0) items.splice(index, 1);
      pump();
    },
  };
}
