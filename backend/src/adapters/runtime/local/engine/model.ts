import * as library from 'node-llama-cpp';
import { getLlama, InsufficientMemoryError, LlamaLogLevel, readGgufFileInfo } from 'node-llama-cpp';
import type { LlamaContext, LlamaModel } from 'node-llama-cpp';
import type { EngineFailure } from './protocol.ts';
import type { EngineSettings } from './settings.ts';

export class LoadError extends Error {
  readonly code: EngineFailure;
  readonly supported: string[] | undefined;

  constructor(code: EngineFailure, message: string, detail: { supported?: string[]; cause?: unknown } = {}) {
    super(message, { cause: detail.cause });
    this.name = 'LoadError';
    this.code = code;
    this.supported = detail.supported;
  }
}

export interface Loaded {
  model: LlamaModel;
  context: LlamaContext;
}

/** Architectures of llama.cpp that turn text into an embedding, an image or sound, not into text. */
const notGenerative = /bert|t5encoder|clip|embedding|wavtokenizer|unknown|dflash|assistant/i;

/** Loads the weights and makes a context of `parallel` sequences. Throws `LoadError`. */
export async function loadModel(settings: EngineSettings, log: (line: string) => void): Promise<Loaded> {
  const architecture = await architectureOf(settings.modelPath);
  const supported = supportedArchitectures();
  if (!supported.includes(architecture)) {
    throw new LoadError(
      'architecture_unsupported',
      `The architecture "${architecture}" cannot be served by llama.cpp.`,
      { supported },
    );
  }
  try {
    const llama = await getLlama({
      gpu: settings.gpu ? 'auto' : false,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      // The platform judges the memory before it starts an engine, and the limit holds afterwards.
      ramPadding: 0,
      logLevel: LlamaLogLevel.warn,
      logger: (level, message) => log(`llama.cpp ${level}: ${message.trimEnd()}`),
      maxThreads: settings.threads,
    });
    const model = await llama.loadModel({ modelPath: settings.modelPath });
    const contextSize = Math.min(settings.contextLength, model.trainContextSize);
    const context = await model.createContext({
      sequences: settings.parallel,
      contextSize,
      threads: settings.threads,
      // A context smaller than promised would refuse requests that were accepted yesterday.
      failedCreationRemedy: false,
    });
    return { model, context };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof InsufficientMemoryError ? 'memory_insufficient' : 'load_failed';
    throw new LoadError(code, `The model could not be loaded: ${message}`, { cause: error });
  }
}

async function architectureOf(path: string): Promise<string> {
  try {
    const info = await readGgufFileInfo(path, { readTensorInfo: false, logWarnings: false });
    return String(info.metadata.general.architecture);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new LoadError('model_invalid', `The file is not a readable GGUF model: ${message}`, { cause: error });
  }
}

/** Read at run time, because the library types its list as a `const enum`, which erasable syntax cannot name. */
function supportedArchitectures(): string[] {
  const names = Object.values(
    (library as unknown as Record<string, Record<string, string>>)['GgufArchitectureType'] ?? {},
  );
  return names.filter((name) => !notGenerative.test(name));
}
