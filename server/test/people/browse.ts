// A browser without a screen: it keeps cookies of each host, and follows redirects and nothing else.
import { once } from 'node:events'
import { request as plainRequest, type IncomingMessage } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { text } from 'node:stream/consumers'

export interface Seen {
  status: number
  url: string
  text: string
  headers: IncomingMessage['headers']
}

export interface Browser {
  open(url: string): Promise<Seen>
  /** All redirects up to the first URL that begins with this, which is not opened. */
  openUntil(url: string, stopAt: string): Promise<string>
  cookie(url: string, name: string): string | undefined
  setCookie(url: string, name: string, value: string): void
}

/** @param ca - of the hosts that speak TLS */
export function openBrowser(ca: string): Browser {
  const jars = new Map<string, Map<string, string>>()

  function jarOf(url: string): Map<string, string> {
    const { host } = new URL(url)
    const jar = jars.get(host) ?? new Map<string, string>()
    jars.set(host, jar)
    return jar
  }

  async function step(url: string): Promise<Seen> {
    const jar = jarOf(url)
    const cookie = Array.from(jar, ([name, value]) => `${name}=${value}`).join('; ')
    const options = { headers: cookie === '' ? {} : { cookie }, agent: false } as const
    const sent = url.startsWith('https:') ? tlsRequest(url, { ...options, ca }) : plainRequest(url, options)
    sent.end()
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    for (const each of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(each) ?? []
      if (value === '' || /max-age=0/i.test(each)) jar.delete(name)
      else jar.set(name, value)
    }
    return { status: answer.statusCode ?? 0, url, headers: answer.headers, text: await text(answer) }
  }

  async function follow(url: string, stopAt?: string): Promise<Seen | string> {
    for (let at = url, steps = 0; steps < 20; steps++) {
      if (stopAt !== undefined && at.startsWith(stopAt)) return at
      const seen = await step(at)
      const { location } = seen.headers
      if (location === undefined) return seen
      at = new URL(location, at).href
    }
    throw new Error('too many redirects')
  }

  return {
    open: async (url) => (await follow(url)) as Seen,
    async openUntil(url, stopAt) {
      const found = await follow(url, stopAt)
      if (typeof found === 'string') return found
      throw new Error(`${String(found.status)} at ${found.url}: ${found.text.slice(0, 500)}`)
    },
    cookie: (url, name) => jarOf(url).get(name),
    setCookie(url, name, value) {
      jarOf(url).set(name, value)
    },
  }
}
