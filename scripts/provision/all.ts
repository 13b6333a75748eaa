import { buildHelm, buildPlane } from '../../tests/cluster/build.ts';
import { provisionBrowser } from './browser.ts';
import { provisionPostgres } from './postgres.ts';
import { provisionPython } from './python.ts';
import { provisionRedis } from './redis.ts';
import { provisionS3 } from './s3.ts';

/** Everything the suites need beyond npm packages, installed by name before the first test, so that no two suites install at once. */
export async function provisionAll(): Promise<void> {
  await provisionBrowser();
  await provisionPython('python/trainer/requirements-convert.txt');
  buildPlane();
  buildHelm();
  for (const start of [provisionPostgres, provisionRedis, provisionS3]) await (await start()).stop();
}
