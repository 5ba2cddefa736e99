// The URL of a listener for clients on the same machine. A listener on all addresses has none of its own.

const loopbacks: Readonly<Partial<Record<string, string>>> = { '0.0.0.0': '127.0.0.1', '[::]': '[::1]' }

/** @param url - as the listener names itself, such as `http://[::]:8080` */
export function reachableUrl(url: string): string {
  const { protocol, hostname, port } = new URL(url)
  return `${protocol}//${loopbacks[hostname] ?? hostname}${port === '' ? '' : `:${port}`}`
}
