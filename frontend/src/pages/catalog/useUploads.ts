import { computed, onScopeDispose, reactive } from 'vue';
import { sendFile } from '../../services/sendFile.ts';

export interface UploadItem {
  key: number;
  file: File;
  state: 'queued' | 'sending' | 'done' | 'failed' | 'stopped';
  /** bytes that arrived */
  sent: number;
  error: unknown;
  stop: AbortController;
}

/** Files on their way to a model, two at a time; `done` is called after each one that arrived. */
export function useUploads(done: () => void) {
  const items = reactive<UploadItem[]>([]);
  let nextKey = 0;
  let target = '';

  async function send(item: UploadItem) {
    item.state = 'sending';
    item.error = null;
    item.stop = new AbortController();
    try {
      await sendFile({
        modelId: target,
        file: item.file,
        signal: item.stop.signal,
        onProgress: (sent) => (item.sent = sent),
      });
      item.sent = item.file.size;
      item.state = 'done';
      done();
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
        items.push({ key: nextKey++, file, state: 'queued', sent: 0, error: null, stop: new AbortController() });
      }
      pump();
    },
    /** Begins to send to this model; before, files wait. */
    start(modelId: string) {
      target = modelId;
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
