// Sends one drawn request, and reads the whole answer.
import { routes } from '@keyhold/contract'
import { request as httpsRequest } from 'node:https'
import type { Connections } from './connections.ts'
import { placePrefix, type Asked } from './asked.ts'
import type { Scene } from './scene.ts'

export interface Answer {
  /** 0: the connection ended before the answer did. */
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  bytes: Buffer
}

// A stream of events goes on for as long as what it watches.
const streamMs = 300
const timeoutMs = 120_000

export async function send(
  url: string,
  connections: Connections,
  asked: Asked,
  scene: Scene,
): Promise<Answer> {
  const { wasSilent, ...answer } = await sendOnce(url, connections, asked, scene)
  // The server ends a connection that was silent for long, perhaps while the next request is on its way.
  return wasSilent ? sendOnce(url, connections, asked, scene) : answer
}

function sendOnce(
  url: string,
  connections: Connections,
  asked: Asked,
  scene: Scene,
): Promise<Answer & { wasSilent: boolean }> {
  const shown = scene.callers.get(asked.caller)
  const agent = connections.of(shown)
  const authorization = shown?.authorization
  const body = bytesOf(asked, scene)
  const tenant = asked.tenant === undefined ? undefined : filled(asked.tenant, scene)
  return new Promise((resolve) => {
    const fail = (error: Error, wasSilent: boolean) => {
      resolve({ wasSilent, status: 0, headers: {}, bytes: Buffer.from(error.message) })
    }
    const outgoing = httpsRequest(
      {
        ...{ agent, host: new URL(url).hostname, port: new URL(url).port, method: asked.method },
        path: targetOf(asked, scene),
        timeout: timeoutMs,
        headers: {
          ...asked.headers,
          ...(authorization !== undefined && { authorization }),
          ...(tenant !== undefined && { 'keyhold-tenant': tenant }),
          ...(asked.contentType !== undefined && { 'content-type': asked.contentType }),
          ...(body !== undefined && { 'content-length': body.length }),
        },
      },
      (incoming) => {
        const chunks: Buffer[] = []
        const finish = () => {
          resolve({
            wasSilent: false,
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            bytes: Buffer.concat(chunks),
          })
        }
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.once('end', finish)
        incoming.on('error', (error) => {
          fail(error, false)
        })
        if (incoming.headers['content-type']?.startsWith('text/event-stream') === true) {
          setTimeout(() => {
            finish()
            outgoing.destroy()
          }, streamMs)
        }
      },
    )
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    outgoing.on('error', (error) => {
      fail(error, outgoing.reusedSocket)
    })
    outgoing.end(body)
  })
}

function targetOf({ routeId, params, query }: Asked, scene: Scene): string {
  const path =
    routeId === undefined
      ? encoded(params.path ?? '/')
      : routes[routeId].path.replaceAll(/:([A-Za-z]+)/g, (_all, name: string) =>
          encoded(filled(params[name] ?? '', scene)),
        )
  if (query.length === 0) return path
  return `${path}?${new URLSearchParams(query.map(([name, value]): [string, string] => [name, filled(value, scene)])).toString()}`
}

/** Percent signs stay: a path may be encoded already, or be wrong. */
function encoded(text: string): string {
  return text.replaceAll(/[^!-~]|[?#]/gu, encodeURIComponent)
}

function bytesOf({ body }: Asked, scene: Scene): Buffer | undefined {
  switch (body.kind) {
    case 'none':
      return undefined
    case 'json': {
      const text = JSON.stringify(body.value, (_name, value: unknown) =>
        typeof value === 'string' ? filled(value, scene) : value,
      ) as string | undefined
      return Buffer.from(text ?? '')
    }
    case 'text':
      return Buffer.from(body.text)
    case 'bytes':
      return Buffer.from(body.base64, 'base64')
  }
}

/** A place is filled in; any other text stays. */
function filled(text: string, { places }: Scene): string {
  if (!text.startsWith(placePrefix)) return text
  const [name = '', number = '0'] = text.slice(placePrefix.length).split(':')
  const known = places.get(name)
  return known === undefined || known.length === 0 ? text : (known[Number(number) % known.length] ?? text)
}
