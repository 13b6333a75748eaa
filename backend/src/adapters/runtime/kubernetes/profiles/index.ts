import type { Profile } from '../types.ts';
import { custom } from './custom.ts';
import { tgi } from './tgi.ts';
import { vllm } from './vllm/index.ts';

const profiles: readonly Profile[] = [vllm, tgi, custom];

/** The runtime that an image holds, by its name; what is not recognised is run as it is. */
export function profileOf(image: string): Profile {
  return profiles.find(({ matches }) => matches(image))!;
}
