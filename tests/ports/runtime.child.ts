/** A platform in small, to be killed: serves the revision of `spec.json` in the folder given and says the engine's pid when ready. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFileObjects } from '../../backend/src/adapters/objects/files/index.ts';
import type { RevisionSpec } from '../../backend/src/ports/runtime.ts';
import { addressOf, createRuntime, healthOf, ready, until } from './runtime.harness.ts';

const [folder = '', graceMs = '0'] = process.argv.slice(2);
const objects = await createFileObjects({ root: join(folder, 'objects') });
const runtime = await createRuntime({ folder, objects, remove: async () => {} }, { graceMs: Number(graceMs) });
const spec = JSON.parse(await readFile(join(folder, 'spec.json'), 'utf8')) as RevisionSpec;
await runtime.apply(runtime.plan(spec), spec);
await until(runtime, spec.revisionId, ready);
process.send?.((await healthOf(addressOf(runtime, spec.revisionId))).pid);
