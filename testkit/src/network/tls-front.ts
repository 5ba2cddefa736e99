// TLS in front of a plain server on loopback, under names that a test chooses, with a certificate of its own.
import { connect, type AddressInfo, type Socket } from 'node:net'
import { createServer } from 'node:tls'
import { createTestCertificate } from './test-authority.ts'
import { trustAuthority } from './trust-authority.ts'

export interface TlsFront {
  readonly port: number
  /** PEM. */
  readonly certificate: string
  /** Lets this process trust the certificate. Answers how to take that back. */
  trust(): () => void
  close(): Promise<void>
}

/** @param names - host names, which may begin with `*.` */
export async function startTlsFront(plainPort: number, names: readonly string[]): Promise<TlsFront> {
  const { key, certificate } = createTestCertificate(names)
  const sockets = new Set<Socket>()
  const server = createServer({ key, cert: certificate }, (client) => {
    const target = connect(plainPort, '127.0.0.1')
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => {
        client.destroy()
        target.destroy()
      })
    }
    client.pipe(target).pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    certificate,
    trust: () => trustAuthority(certificate),
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
