// The ways in which one tenant, or nobody's caller, floods a server. Each flood goes on until it is told to end.
import { randomBytes, randomInt } from 'node:crypto'
import { Agent } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { floodAddress, type FloodScene } from './flood-scene.ts'
import { send, type HttpQuestion } from './http-client.ts'

/** Goes on until `signal` is aborted. `count` receives what each request met. */
export type Flood = (scene: FloodScene, signal: AbortSignal, count: (answer: string) => void) => Promise<void>

const timeoutMs = 20_000
const encryption = '/api/v1/encryption'
const encryptPath = `${encryption}/encrypt`
const digits = '0123456789abcdefghijklmnopqrstuvwxyz'

/** So many callers, each of which sends the next request when it has the answer. */
function callers(
  count: number,
  question: (scene: FloodScene) => Omit<HttpQuestion, 'url' | 'agent' | 'timeoutMs'>,
): Flood {
  return async (scene, signal, counted) => {
    const agent = new Agent({ keepAlive: true, maxSockets: count, localAddress: floodAddress })
    const caller = async (): Promise<void> => {
      for (;;) {
        const answer = await send({ url: scene.url, agent, timeoutMs, ...question(scene) })
        if (signal.aborted) return
        counted(answer)
        // A refusal costs the caller nothing, so it comes again at once; without a connection it cannot.
        if (!/^\d/.test(answer)) await sleep(10)
      }
    }
    signal.addEventListener('abort', () => {
      agent.destroy()
    })
    await Promise.all(Array.from({ length: count }, caller))
  }
}

function randomKey(): string {
  const id = Array.from({ length: 16 }, () => digits[randomInt(digits.length)]).join('')
  return `kh_${id}_${randomBytes(32).toString('base64url')}`
}

const smallBody = JSON.stringify({ items: [{ plaintext: 'AAAA' }] })
const bigItem = { plaintext: Buffer.alloc(1_048_576, 'x').toString('base64') }
let bigBody: Buffer | undefined
// 99,990 numbers in 195 KB: too many items, none of them one.
const refusedBody = Buffer.from(`{"items":[${'1,'.repeat(99_989)}1]}`)

/** Opens connections without a request, as many as it gets, and new ones for those that are closed. */
async function openConnections(
  { url }: FloodScene,
  signal: AbortSignal,
  count: (answer: string) => void,
): Promise<void> {
  const { port } = new URL(url)
  const open = new Set<Socket>()
  while (!signal.aborted) {
    for (let each = 0; each < 50 && open.size < 3_000; each++) {
      const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress: floodAddress })
      open.add(socket)
      socket.once('connect', () => {
        count('open')
      })
      socket.on('data', () => {
        count('refused')
      })
      socket.on('error', () => undefined)
      socket.once('close', () => open.delete(socket))
    }
    await sleep(10)
  }
  for (const socket of open) socket.destroy()
}

export const floods = {
  // A lease needs a new data key once a day, a new name always.
  'leases and new names, fence held': callers(20, ({ serviceToken: token }) =>
    randomInt(2) === 0
      ? { path: `${encryption}/data-keys`, token, body: '{}' }
      : {
          path: encryptPath,
          token,
          body: JSON.stringify({ items: [{ plaintext: 'AAAA', keyName: randomBytes(16).toString('hex') }] }),
        },
  ),
  'usage for an auditor': callers(20, ({ auditorToken, fingerprint }) => ({
    method: 'GET',
    path: `${encryption}/keyproviders/${fingerprint}/usage`,
    token: auditorToken,
  })),
  'API keys that nobody has': callers(20, () => ({
    path: encryptPath,
    token: randomKey(),
    body: smallBody,
  })),
  '8 bodies of 32 MB': callers(8, ({ serviceToken }) => ({
    path: encryptPath,
    token: serviceToken,
    body: (bigBody ??= Buffer.from(JSON.stringify({ items: new Array(23).fill(bigItem) }))),
  })),
  'bodies that are refused': callers(8, ({ serviceToken }) => ({
    path: encryptPath,
    token: serviceToken,
    body: refusedBody,
  })),
  'event streams': callers(250, ({ adminToken, migrationId }) => ({
    method: 'GET',
    path: `${encryption}/migrations/${migrationId}/events`,
    token: adminToken,
  })),
  connections: openConnections,
  'plain requests': callers(50, ({ serviceToken }) => ({
    path: encryptPath,
    token: serviceToken,
    body: smallBody,
  })),
} as const satisfies Record<string, Flood>

export type FloodName = keyof typeof floods

export const floodNames = Object.keys(floods) as FloodName[]
