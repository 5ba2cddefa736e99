// A request with headers that `fetch` sets by itself, such as `Host`.
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { errorCode } from '../http/read-body.ts'

export async function requestAs(
  url: string,
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; code: string }> {
  const sent = request(`${url}${path}`, { method, headers, agent: false })
  sent.end(method === 'POST' ? '{}' : undefined)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 0, code: errorCode(await json(answer)) }
}
