import type { Release } from '../arguments.ts';
import v0_9_2 from './0.9.2.json' with { type: 'json' };
import v0_10_2 from './0.10.2.json' with { type: 'json' };
import v0_15_1 from './0.15.1.json' with { type: 'json' };
import v0_32_0 from './0.32.0.json' with { type: 'json' };

/** Command lines of vLLM, the oldest first: the last one of the older form, the default images, and the newest. README.md tells how they are made. */
export const releases: readonly Release[] = [v0_9_2, v0_10_2, v0_15_1, v0_32_0];
