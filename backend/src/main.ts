import { isFailure } from '#platform/errors';
import { startPlatform, version } from './platform.ts';

if (import.meta.main) {
  const starting = startPlatform();
  // A terminal and whoever started us may both send the signal: the second must not cut the ending short. One that comes during the
  // start is followed when there is something to close, so that no child is left.
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    void starting.then((platform) => platform.close()).then(() => process.exit(0));
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  try {
    const { url } = await starting;
    console.log(`LLM Ops ${version} is ready at ${url}`);
  } catch (error) {
    console.error('LLM Ops could not start:', isFailure(error) ? `${error.message}\n${error.remedy}` : error);
    process.exit(1);
  }
}
