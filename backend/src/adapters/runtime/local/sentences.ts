import { createWords } from '#platform/words';

const less = 'Ask for less context or fewer parallel sequences, use a quantised GGUF, or stop another endpoint.';
const python =
  'Install Python 3.11 or later with venv (Debian: apt-get install python3-venv) or uv, or set LLMOPS_PYTHON to an interpreter.';
const approve = 'Upload the file again and have the version approved.';

/** What the engine on this machine does, why it fails, and whether a model would run on it. */
export const words = createWords('engine', {
  silent: {
    message: 'The engine runs but does not answer its health checks; it gets no requests meanwhile.',
    remedy: 'Wait: it is ended and restarted when it stays silent.',
  },
  copying: {
    message: '{done} of {total} copied.',
    remedy: 'Wait until the files are here; large models take minutes.',
  },
  verifying: { message: '{done} of {total} checked.', remedy: 'Wait until the digests are checked.' },
  converting: {
    message: 'The weights are converted to GGUF.',
    remedy: 'Wait; a model is converted once, later starts use the result.',
  },
  loading: { message: 'The engine loads the model.', remedy: 'Wait until the engine answers.' },
  ended_signal: { message: 'The engine ended by {signal} ({times} in a row).{next}{lines}' },
  ended_alone: { message: 'The engine ended while nobody was watching it ({times} in a row).{next}{lines}' },
  ended_code: { message: 'The engine ended with exit code {code} ({times} in a row).{next}{lines}' },
  next_start: { text: ' Next start at {time}.' },
  less_memory: { remedy: 'Raise memoryLimit, or ask for less context or fewer parallel sequences.' },
  unloadable: {
    remedy:
      'The files may be incomplete, or of a kind that this llama.cpp cannot load: see the log lines, and deploy a version whose files are whole. It is tried again by itself.',
  },
  restarted: {
    remedy: 'It is restarted by itself; when it keeps ending, see the log lines above and roll back.',
  },
  killed: {
    remedy:
      'It is restarted by itself; when it keeps ending, see the log lines above and roll back. SIGKILL is also what the kernel sends when memory runs out.',
  },
  files_none: {
    message: 'The model has no files.',
    remedy: 'Upload weights as .gguf, or as .safetensors with config.json and tokenizer.json.',
  },
  weights_none: {
    message: 'The model has neither GGUF nor safetensors weights.',
    remedy: 'Upload weights as .gguf, or as .safetensors with config.json and tokenizer.json.',
  },
  file_needed: {
    message: 'The model has safetensors weights but no {file}.',
    remedy: 'Upload {file} beside the weights, or a GGUF file.',
  },
  file_missing: { message: '{file} is not in the object store.', remedy: approve },
  digest: {
    message: '{file} is not what was approved: its SHA-256 is {found}, {recorded} is recorded.',
    remedy: 'Restore the file from a backup, or upload it again and have the version approved again.',
  },
  architecture_refused: {
    message: '{cause}. Supported as safetensors: {supported}.',
    remedy: 'Use a model of one of these architectures ({supported}), or upload a GGUF file that llama.cpp can load.',
  },
  conversion_refused: {
    message: 'The model could not be converted: {cause}',
    remedy: 'Correct the files, or upload a GGUF file.',
  },
  conversion_failed: {
    message: 'The converter ended with {code}: {cause}',
    remedy: 'It is tried again; see the log, or upload a GGUF file.',
  },
  preparation: {
    message: 'The model could not be prepared: {cause}',
    remedy: 'It is tried again; see the log of the platform.',
  },
  model_invalid: { remedy: 'Upload a file that is whole, and have the version approved again.' },
  files: { message: '{files:file}, {size}.' },
  architecture_no: {
    message: '{architecture} cannot be converted for the local engine.',
    remedy: 'Use one of {supported}, or upload a GGUF file.',
  },
  architecture_later: { message: 'Known once the files are read.' },
  architecture_converted: { message: '{architecture} is converted to GGUF once.' },
  gguf: { message: 'GGUF is served as it is.' },
  gguf_of: { message: 'GGUF ({architecture}) is served as it is.' },
  python: { message: 'Models are converted with {command}.' },
  no_template: {
    message: 'The model has no chat template: chat is refused, completions work.',
    remedy: 'Add chat_template to the model.',
  },
  setting: { remedy: 'Change or remove the setting.' },
  python_lacks: { message: '{interpreter} does not run, or has no numpy and gguf.', remedy: python },
  python_missing: {
    message: 'Models of this format need Python 3.11 or later, which was not found.',
    remedy: python,
  },
  python_setup: { message: 'The Python environment could not be made: {cause}', remedy: python },
  architecture_unsupported: {
    message: '{cause} Supported: {supported}.',
    remedy: 'Use a model of a supported architecture: {supported}.',
  },
  not_inspected: {
    message: 'The files were not inspected, so the memory needed is unknown.',
    remedy: 'Wait for the inspection of the upload.',
  },
  parts: { text: 'weights {weights}, cache {cache} for {parallel} × {context} tokens, other {other}' },
  parts_replicas: {
    text: 'weights {weights}, cache {cache} for {parallel} × {context} tokens, other {other}, {replicas} replicas',
  },
  memory_unknown: { message: '{needed} needed ({parts}); free memory is unknown.', remedy: less },
  memory_short: { message: '{needed} needed ({parts}), {free} are free.', remedy: less },
  memory_tight: { message: '{needed} needed ({parts}), more than {share} % of the {free} free.', remedy: less },
  memory: { message: '{needed} needed ({parts}), {free} are free.' },
  cache_unknown: {
    message: 'Layers or heads are unknown, so the key-value cache is not reckoned with.',
    remedy: 'Upload config.json beside the weights.',
  },
  memory_limit: {
    message: 'An engine needs {needed}, but is ended above its limit of {limit}.',
    remedy: 'Raise memoryLimit.',
  },
});
