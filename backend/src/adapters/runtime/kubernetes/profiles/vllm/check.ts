import { read, type Fault, type Release } from './arguments.ts';
import { releases } from './releases/index.ts';

/** A field of the request, `args.2`, and what is wrong with it. */
export interface Refusal {
  path: string;
  message: string;
}

/** What is known of a request's arguments before anything runs. */
export interface Verdict {
  /** it would certainly fail */
  refused: Refusal[];
  /** it fails if the image's vLLM is like the releases that are known */
  doubted: string[];
}

const isModel = 'it says which model is served, and that is the one that was approved.';
const isName = 'the gateway calls the model by the name of its route.';
const isAddress = 'the gateway, the probes and the metrics find the pods by it.';
const isProtocol = 'the gateway and the probes speak plain HTTP to the pods.';
const isKey = 'the gateway sends the pods no key; keys of users are checked at the gateway.';

/** Flags that the platform itself decides, and why. */
const own: Readonly<Record<string, string>> = {
  '--model': isModel,
  '--served-model-name': isName,
  '--host': isAddress,
  '--port': isAddress,
  '--uds': isAddress,
  '--headless': isProtocol,
  '--grpc': isProtocol,
  '--ssl-keyfile': isProtocol,
  '--ssl-certfile': isProtocol,
  '--api-key': isKey,
};

/**
 * The arguments of a request against the command line of the image's release. What a release does not take is refused for the images that
 * vLLM publishes of it, and doubted for all others: a build of somebody's own may take more. Of releases between two known ones, what
 * neither takes is doubted.
 */
export function checkArguments(args: readonly string[], image: string): Verdict {
  const version = /:v?(\d+\.\d+\.\d+)(?:$|[^\d])/.exec(image.split('/').at(-1)!)?.[1] ?? null;
  const known = releases.filter((release) => release.version === version);
  const readings = (known.length > 0 ? known : neighboursOf(version)).map((release) => ({
    release,
    ...read(args, release),
  }));
  const { given, faults, release } = readings.reduce((best, one) =>
    one.faults.length < best.faults.length ? one : best,
  );
  const platforms = given.flatMap(({ flag, at }) =>
    Object.hasOwn(own, flag) ? [{ at, message: `${flag} is set by the platform: ${own[flag]}` }] : [],
  );
  const others = faults.filter(({ at }) => platforms.every((one) => one.at !== at));
  const certain = known.length > 0 && /(?:^|\/)vllm-(?:openai|cpu-release-repo):/.test(image);
  return {
    refused: [...platforms, ...(certain ? others : [])]
      .sort((one, other) => one.at - other.at)
      .map(({ at, message }) => ({ path: `args.${at}`, message })),
    doubted: certain ? [] : others.map((fault) => doubtOf(fault, image, release)),
  };
}

const doubtOf = ({ at, message }: Fault, image: string, { version }: Release): string =>
  `args.${at}: ${message} ${image} may take it; it is not one of the releases whose flags are known, of which ${version} is the nearest.`;

/** The known releases just below and above; the newest alone for `latest`, `nightly`, digests and names of their own. */
function neighboursOf(version: string | null): Release[] {
  if (version === null) return [releases.at(-1)!];
  const below = releases.findLast((release) => compare(release.version, version) < 0);
  const above = releases.find((release) => compare(release.version, version) > 0);
  return [below, above].filter((release) => release !== undefined);
}

const compare = (one: string, other: string): number => one.localeCompare(other, 'en', { numeric: true });
