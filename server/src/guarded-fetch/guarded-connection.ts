// A connection over TLS to a host that somebody else names. Its address is looked at twice: as the system tells it, and as the socket
// has it before the first byte is sent.
import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction, type Socket, type TcpNetConnectOpts } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { refused, type CalledUrl } from './called-url.ts'

/** Answers all addresses of a name. */
export type LookUp = (name: string) => Promise<readonly LookupAddress[]>

/** Begins a connection. */
export type Connect = (options: TcpNetConnectOpts) => Socket

export interface ConnectionOptions {
  /** Certificates of authorities in PEM, instead of those that Node trusts. */
  ca: string | undefined
  lookUp: LookUp
  connect: Connect
  /** Ends the connection, whatever it does. */
  signal: AbortSignal
}

export const lookUpBySystem: LookUp = (name) =>
  new Promise((resolve, reject) => {
    systemLookup(name, { all: true }, (error, addresses) => {
      if (error === null) resolve(addresses)
      else reject(error)
    })
  })

const notAllowed = () => refused('address', 'Its address is not allowed.')

/** @throws KeyholdError `ERR_ADDRESS_REFUSED`, or whatever the system or TLS says */
export async function openGuardedConnection(
  { host, port, mayHave }: CalledUrl,
  { ca, lookUp, connect, signal }: ConnectionOptions,
): Promise<TLSSocket> {
  const lookup: LookupFunction = (name, _options, callback) => {
    lookUp(name).then(
      (all) => {
        const allowed = all.filter(({ address }) => mayHave(address))
        if (allowed.length === 0) callback(notAllowed(), [])
        else callback(null, allowed)
      },
      (error: unknown) => {
        callback(error as Error, [])
      },
    )
  }
  const socket = connect({ host, port, lookup, autoSelectFamily: true, signal })
  await settled(socket, 'connect')
  if (!mayHave(socket.remoteAddress ?? '')) {
    socket.destroy()
    throw notAllowed()
  }
  const secure = connectTls({
    ...{ socket, host, minVersion: 'TLSv1.2', rejectUnauthorized: true, ALPNProtocols: ['http/1.1'] },
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
  })
  signal.addEventListener('abort', () => secure.destroy(), { once: true })
  await settled(secure, 'secureConnect')
  return secure
}

function settled(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    // It stays, so that an error after this is not one that nobody hears of.
    socket.on('error', reject)
    socket.once('close', () => {
      reject(new Error('the connection ended'))
    })
    socket.once(event, () => {
      resolve()
    })
  })
}
