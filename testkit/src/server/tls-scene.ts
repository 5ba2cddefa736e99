// A server with TLS, whose files a test exchanges, and requests to it.
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { request as httpsRequest, type Agent, type RequestOptions } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connect, type SecureVersion, type TLSSocket } from 'node:tls'
import { startTestServer, type TestServer, type TestServerOptions } from './start-test-server.ts'
import { createTestAuthority, type TestAuthority, type TestCertificate } from '../network/test-authority.ts'
import { trustAuthority } from '../network/trust-authority.ts'

export type TlsFileName = 'certificate' | 'key' | 'client-ca' | 'client-crl'

export interface TlsScene {
  readonly server: TestServer
  /** Has issued the certificate of the server. This process trusts it until the end of the scene. */
  readonly authority: TestAuthority
  /** Exchanges files, one after the other. */
  put(files: Partial<Record<TlsFileName, string>>): Promise<void>
  end(): Promise<void>
}

export interface TlsAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  /** The certificate of the server, in DER. */
  peer: Buffer | undefined
}

/**
 * @param clientCa - the authorities of clients in PEM
 * @param clientCrl - their revocation lists
 */
export async function startTlsScene(
  clientCa: string,
  environment: Record<string, string> = {},
  options?: TestServerOptions,
  clientCrl?: string,
): Promise<TlsScene> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-tls-'))
  const authority = createTestAuthority('authority of the server')
  const distrust = trustAuthority(authority.certificate)
  const fileOf = (name: TlsFileName) => path.join(folder, name)

  async function put(files: Partial<Record<TlsFileName, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files) as [TlsFileName, string][]) {
      await writeFile(`${fileOf(name)}.new`, text, { mode: 0o600 })
      await rename(`${fileOf(name)}.new`, fileOf(name))
    }
  }

  const { key, certificate } = authority.issue(['127.0.0.1', 'localhost'])
  await put({ key, certificate, 'client-ca': clientCa, ...(clientCrl && { 'client-crl': clientCrl }) })
  const server = await startTestServer(
    {
      KEYHOLD_TLS_CERTIFICATE_FILE: fileOf('certificate'),
      KEYHOLD_TLS_KEY_FILE: fileOf('key'),
      KEYHOLD_TLS_CLIENT_CA_FILE: fileOf('client-ca'),
      ...(clientCrl && { KEYHOLD_TLS_CLIENT_CRL_FILE: fileOf('client-crl') }),
      ...environment,
    },
    options,
  )
  return {
    ...{ server, authority, put },
    async end() {
      await server.stop()
      distrust()
      await rm(folder, { recursive: true })
    },
  }
}

/** Sends one request, on a connection of its own unless the options have an agent. */
export function ask(
  url: string,
  options: RequestOptions & { agent?: Agent; body?: string } = {},
): Promise<TlsAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, { agent: false, ...options }, (response) => {
      const peer = (response.socket as TLSSocket).getPeerX509Certificate()?.raw
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('error', reject)
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, peer })
      })
    })
    request.on('error', reject)
    request.end(options.body)
  })
}

/** A handshake and one request, so that a session for later connections arrives. */
export function openSession(
  url: string,
  ca: string,
  client: TestCertificate | undefined,
  session?: Buffer,
  maxVersion: SecureVersion = 'TLSv1.3',
): Promise<{ isReused: boolean; session: Buffer; status: string }> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let newest = session ?? Buffer.alloc(0)
    let text = ''
    const socket = connect({
      ...{ host: hostname, port: Number(port), ca, maxVersion },
      ...(client && { key: client.key, cert: client.certificate }),
      ...(session && { session }),
    })
    socket.on('session', (each: Buffer) => (newest = each))
    socket.on('error', reject)
    let isReused = false
    socket.on('secureConnect', () => {
      isReused = socket.isSessionReused()
      socket.write('GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    })
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => (text += chunk))
    socket.on('close', () => {
      resolve({ isReused, session: newest, status: text.slice(9, 12) })
    })
  })
}
