import { ClusterError, type ClusterClient } from './client.ts';

interface GroupList {
  groups: { name: string; versions: { version: string }[] }[];
}

/** What kinds a cluster knows, by discovery, which every account may read. Each group is asked for once. */
export interface Discovery {
  /** Versions that have a definition, `{plural}.{group}`; none: it is not installed. Throws as the client does. */
  versionsOf(definition: string): Promise<string[]>;
}

export async function discover(client: ClusterClient): Promise<Discovery> {
  const { groups } = await client.get<GroupList>('/apis');
  const asked = new Map<string, Promise<{ version: string; plurals: string[] }[]>>();

  function kindsOf(group: string): Promise<{ version: string; plurals: string[] }[]> {
    const versions = groups.find(({ name }) => name === group)?.versions ?? [];
    const found =
      asked.get(group) ??
      Promise.all(
        versions.map(async ({ version }) => ({ version, plurals: await pluralsOf(client, `${group}/${version}`) })),
      );
    asked.set(group, found);
    return found;
  }

  return {
    async versionsOf(definition) {
      const [plural = '', ...group] = definition.split('.');
      const kinds = await kindsOf(group.join('.'));
      return kinds.filter(({ plurals }) => plurals.includes(plural)).map(({ version }) => version);
    },
  };
}

/** A group may be announced a moment before or after its objects, and the server behind it may be away. */
async function pluralsOf(client: ClusterClient, groupVersion: string): Promise<string[]> {
  try {
    const { resources } = await client.get<{ resources: { name: string }[] }>(`/apis/${groupVersion}`);
    return resources.map(({ name }) => name);
  } catch (error) {
    if (error instanceof ClusterError && (error.status === 404 || error.status === 503)) return [];
    throw error;
  }
}
