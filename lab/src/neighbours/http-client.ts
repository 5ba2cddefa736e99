// Sends requests over connections that an agent holds. What a caller meets is the answer, and nothing is sent again.
import { request, type Agent } from 'node:http'

export interface HttpQuestion {
  url: string
  method?: string
  path: string
  token?: string
  /** Sent as JSON. */
  body?: string | Buffer
  agent: Agent
  timeoutMs: number
}

/** The status, `503 ERR_TENANT_BUSY`, or the name of the error that the connection met. It reads the whole reply. */
export function send(question: HttpQuestion): Promise<string> {
  const { url, method = 'POST', path, token, body, agent, timeoutMs } = question
  return new Promise((resolve) => {
    const sent = request(
      `${url}${path}`,
      {
        method,
        agent,
        timeout: timeoutMs,
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
        },
      },
      (reply) => {
        let text = ''
        const { statusCode = 0 } = reply
        const isGood = statusCode < 400
        reply.on('data', (chunk: Buffer) => {
          if (!isGood) text += chunk.toString('latin1')
        })
        reply.on('end', () => {
          resolve(
            isGood ? String(statusCode) : `${statusCode} ${/"code":"([^"]+)"/.exec(text)?.[1] ?? ''}`.trim(),
          )
        })
        reply.on('error', (error: NodeJS.ErrnoException) => {
          resolve(error.code ?? error.name)
        })
      },
    )
    sent.on('timeout', () => sent.destroy(new Error('timeout')))
    sent.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message)
    })
    sent.end(body)
  })
}
