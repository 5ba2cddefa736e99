// The hosts that a URL names, as libpq reads it (`postgres://u:p@h1:5432,h2:5433/db`): the driver reads only one. So each host
// gets a URL of its own, which the driver reads like any other.
import { KeyholdError } from '@keyhold/core/errors'

const setting = 'KEYHOLD_DATABASE_URL'

/**
 * A URL for each host, in the order in which they are named.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID` where the hosts cannot be told, or something else than a primary is asked for
 */
export function urlsOfHosts(url: string): string[] {
  const [place, query = ''] = parts(url, '?')
  const parameters = new URLSearchParams(query)
  for (const wanted of parameters.getAll('target_session_attrs')) {
    if (wanted !== 'read-write')
      throw refusal(
        `${setting} asks for another target_session_attrs than read-write, and Keyhold writes over every connection: leave it out, or say read-write.`,
      )
  }
  const [, scheme = '', authority = '', path = ''] = /^([a-z]+:\/\/)([^/]*)(.*)$/s.exec(place) ?? []
  const hostsAt = authority.lastIndexOf('@') + 1
  const named = authority.slice(hostsAt).split(',')
  const hosts = parameters.getAll('host').at(-1)?.split(',') ?? []
  const ports = parameters.getAll('port').at(-1)?.split(',') ?? []
  if (named.length > 1) {
    if (hosts.length > 0 || ports.length > 0)
      throw refusal(
        `${setting} names several hosts, and a host or a port among its parameters as well: name each host once, with its port.`,
      )
    if (named.includes(''))
      throw refusal(`${setting} has an empty place in its list of hosts: remove a comma.`)
    return named.map((host) => `${scheme}${authority.slice(0, hostsAt)}${host}${path}?${query}`)
  }
  if (hosts.length <= 1 && ports.length <= 1) return [url]
  if (hosts.includes('') || (ports.length > 1 && ports.length !== hosts.length))
    throw refusal(
      `${setting} names ${hosts.length} hosts and ${ports.length} ports among its parameters: name one port, or one for each host.`,
    )
  // Of a parameter that comes twice the driver takes the last one.
  return hosts.map((host, index) => {
    const port = ports.length > 1 ? `&port=${encodeURIComponent(ports[index] ?? '')}` : ''
    return `${url}&host=${encodeURIComponent(host)}${port}`
  })
}

/** The text before a separator and the text after it. */
export function parts(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

// Nothing of the URL is shown: parts of a password stand where it has its hosts if a character of it is not percent-encoded.
function refusal(message: string): KeyholdError {
  return new KeyholdError('ERR_CONFIG_INVALID', { message })
}
