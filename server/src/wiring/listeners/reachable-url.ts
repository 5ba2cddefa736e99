// The URLs of a listener: that of its address, and one for clients on the same machine. A listener on all addresses has none of
// its own.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

const loopbacks: Readonly<Partial<Record<string, string>>> = { '0.0.0.0': '127.0.0.1', '[::]': '[::1]' }

/** @param url - as the listener names itself, such as `http://[::]:8080` */
export function reachableUrl(url: string): string {
  const { protocol, hostname, port } = new URL(url)
  return `${protocol}//${loopbacks[hostname] ?? hostname}${port === '' ? '' : `:${port}`}`
}

export interface ListensOn {
  /** For clients on the same machine. */
  url: string
  /** With the address on which it listens, such as `https://0.0.0.0:8180`. */
  boundUrl: string
}

/** The URLs of a server that listens. */
export function listensOn(server: Server, isTls: boolean): ListensOn {
  const { address, family, port } = server.address() as AddressInfo
  const boundUrl = `http${isTls ? 's' : ''}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  return { url: reachableUrl(boundUrl), boundUrl }
}
