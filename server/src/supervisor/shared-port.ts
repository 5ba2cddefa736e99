// The port that several processes listen on: the system deals connections out to them.
import { once } from 'node:events'
import { createServer, type ListenOptions } from 'node:net'

/** Whether this system has such ports. Linux and FreeBSD have, macOS and Windows have not. */
export async function sharesPorts(): Promise<boolean> {
  try {
    await tryToListen({ host: '127.0.0.1', port: 0, reusePort: true })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && unsupported.has(String(error.code))) return false
    throw error
  }
}

const unsupported: ReadonlySet<string> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOPROTOOPT', 'EINVAL'])

/**
 * Replicas of another supervisor of the same user would share the port unnoticed.
 *
 * @throws Error of the system, such as `EADDRINUSE`
 */
export async function refuseUsedPort(host: string, port: number): Promise<void> {
  if (port !== 0) await tryToListen({ host, port })
}

async function tryToListen(options: ListenOptions): Promise<void> {
  const server = createServer()
  server.listen(options)
  await once(server, 'listening')
  server.close()
  await once(server, 'close')
}
