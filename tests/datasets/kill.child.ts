import { openWorld } from './world.ts';

/** Datasets in a process of their own, to be killed. */
const world = await openWorld({ folder: process.argv[2]! });
console.log(world.api);
process.once('SIGTERM', () => void world.close().then(() => process.exit(0)));
