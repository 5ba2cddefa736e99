// One big value as bytes. The SDK has no call for that; this one sends again as the SDK does.
import { setTimeout as pause } from 'node:timers/promises'
import { OperationFailure } from './operation-failure.ts'

export interface OctetsParts {
  url: string
  token: string
  fetch: typeof fetch
}

const maxTries = 4
const firstPauseMs = 100
const timeoutMs = 10_000

/** @throws OperationFailure of the last try */
export async function sendOctets(
  { url, token, fetch }: OctetsParts,
  action: 'encrypt' | 'decrypt',
  context: Record<string, string>,
  bytes: Buffer,
): Promise<Buffer> {
  const send = async (): Promise<Buffer | OperationFailure> => {
    try {
      const reply = await fetch(`${url}/api/v1/encryption/${action}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/octet-stream',
          'keyhold-context': Buffer.from(JSON.stringify(context)).toString('base64url'),
        },
        body: Uint8Array.from(bytes),
        signal: AbortSignal.timeout(timeoutMs),
      })
      if (reply.ok) return Buffer.from(await reply.arrayBuffer())
      const { errors } = (await reply.json()) as { errors: { code: string }[] }
      const retryAfterMs = Number(reply.headers.get('retry-after') ?? 0) * 1_000
      return new OperationFailure(errors[0]?.code ?? 'no code', { status: reply.status, retryAfterMs })
    } catch (cause) {
      return new OperationFailure('ERR_CLIENT_UNREACHABLE', { cause })
    }
  }
  for (let tries = 1; ; tries++) {
    const result = await send()
    if (Buffer.isBuffer(result)) return result
    const isLasting = result.status !== undefined && result.status !== 429 && result.status !== 503
    if (isLasting || tries === maxTries) throw result
    await pause(result.retryAfterMs + Math.random() * firstPauseMs * 2 ** (tries - 1))
  }
}
