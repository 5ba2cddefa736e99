// TLS in front of a plain server on loopback, under names that a test chooses, with a certificate of its own.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls'

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
  const { key, certificate } = makeCertificate(names)
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
    trust() {
      const before = getCACertificates('default')
      setDefaultCACertificates([...before, certificate])
      return () => {
        setDefaultCACertificates(before)
      }
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function makeCertificate(names: readonly string[]): { key: string; certificate: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'keyhold-tls-'))
  try {
    const [keyFile, certificateFile] = [path.join(folder, 'key'), path.join(folder, 'certificate')]
    const alternatives = names.map((name) => `DNS:${name}`).join(',')
    const args = [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=keyhold test', '-addext', `subjectAltName=${alternatives}`],
      ...['-keyout', keyFile, '-out', certificateFile],
    ]
    execFileSync('openssl', args, { stdio: 'ignore' })
    return { key: readFileSync(keyFile, 'utf8'), certificate: readFileSync(certificateFile, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
