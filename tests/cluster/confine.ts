import { spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { projectRoot } from '../journeys/harness.ts';

type Json = any;

const isRoot = process.getuid?.() === 0;
let possible: boolean | null = null;

/** Root may be held in a container that lets nobody mount, or work in a folder that nobody else may read. */
function canConfine(): boolean {
  if (possible !== null) return possible;
  const script = 'mount -o remount,bind,ro / && exec setpriv --reuid=10001 --regid=10001 --clear-groups test -r "$1"';
  const tried = isRoot
    ? spawnSync('unshare', [
        '--mount',
        '--propagation=private',
        'sh',
        '-c',
        script,
        'sh',
        `${projectRoot}/package.json`,
      ])
    : null;
  possible = tried?.status === 0;
  if (!possible)
    console.log('The pods of the platform run as this user and may write anywhere: they cannot be confined here.');
  return possible;
}

/** A file or folder of the pod's user. */
export function own(file: string, pod: Json): void {
  const { runAsUser, runAsGroup } = pod.spec.securityContext;
  if (canConfine()) chownSync(file, runAsUser, runAsGroup);
}

/** The command line as the pod's security context wants it run: by mount namespace and user, where this account may do that. */
export function confined(program: string[], pod: Json, container: Json, writable: string[]): string[] {
  const { runAsUser, runAsGroup } = pod.spec.securityContext;
  const { readOnlyRootFilesystem, capabilities } = container.securityContext;
  if (!canConfine()) return program;
  const mounts = writable.map((place) => `mount --bind '${place}' '${place}'`);
  if (readOnlyRootFilesystem) mounts.push('mount -o remount,bind,ro /');
  const who = `--reuid=${runAsUser} --regid=${runAsGroup} --clear-groups --no-new-privs`;
  const rights = capabilities.drop.includes('ALL') ? '--inh-caps=-all --bounding-set=-all' : '';
  const script = [...mounts, `exec setpriv ${who} ${rights} "$@"`].join(' && ');
  return ['unshare', '--mount', '--propagation=private', 'sh', '-c', script, 'sh', ...program];
}
