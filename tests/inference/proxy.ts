import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Proxy {
  /** the database's address, through the proxy */
  url: string;
  /** The next `times` commits reach the database, their answers do not come back: the connections break. */
  loseCommits(times: number): void;
  /** how many were lost */
  lost(): number;
  close(): void;
}

const commit = Buffer.from('commit\0');

/** Stands between a client and PostgreSQL, and breaks connections at the worst moment. */
export async function startProxy(url: string): Promise<Proxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let toLose = 0;
  let lost = 0;
  const server = createServer((client) => {
    const database = connect(Number(target.port), target.hostname);
    let losing = false;
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        database.destroy();
      });
    }
    client.on('data', (data) => {
      if (toLose > 0 && data.includes(commit)) {
        toLose -= 1;
        losing = true;
      }
      database.write(data);
    });
    database.on('data', (data) => {
      if (!losing) return void client.write(data);
      lost += 1;
      client.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    loseCommits: (times) => void (toLose = times),
    lost: () => lost,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
