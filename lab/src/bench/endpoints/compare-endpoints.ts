// Compares `POST encrypt` and `POST decrypt` with warm keys, with one value and with a hundred a request, with a bare
// endpoint.
import { startKeyholdProcess } from '../../../../testkit/src/process/keyhold-process.ts'
import { createTenant } from '../../../../testkit/src/tenants/create-tenant.ts'
import { ask } from '../../requests/ask.ts'
import { orSkip, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import { alternateLoad } from './alternate-load.ts'
import { startHelper } from './helper-process.ts'

const plaintext = Buffer.alloc(1_024, 'a value that repeats itself ').toString('base64')

const timeoutMs = 30_000

interface Side {
  pid: number
  url: string
  token: string
  /** The part of the path before `/encrypt` and `/decrypt`. */
  base: string
}

type Item = { plaintext: string } | { token: string }

const loads = [
  { size: 'one value of 1 KiB', itemsPerRequest: 1, connections: 50, goal: 0.6 },
  { size: '100 values of 1 KiB', itemsPerRequest: 100, connections: 8, goal: 0.5 },
]

export async function compareEndpoints(sizes: Sizes, report: Report): Promise<void> {
  const keyhold = await startKeyholdProcess()
  const bare = startHelper('bare-endpoint.ts')
  const load = startHelper('load-process.ts')
  try {
    const { url: bareUrl } = (await bare.receive()) as { url: string }
    const { serviceToken: token } = await createTenant(keyhold.url, keyhold.operatorToken)
    const ours = { pid: keyhold.pid, url: keyhold.url, token, base: '/api/v1/encryption' }
    const theirs = { pid: bare.pid, url: bareUrl, token, base: '' }
    for (const { size, itemsPerRequest, connections, goal } of loads) {
      const plain = Array.from({ length: itemsPerRequest }, () => ({ plaintext }))
      for (const verb of ['encrypt', 'decrypt']) {
        // Each side decrypts what it has encrypted. The error of an item stands in an answer of status 200, and the
        // load process looks at lengths alone. So every item is looked at once here.
        const order = async (side: Side) => {
          const tokens = await call(side, 'encrypt', plain)
          const items = verb === 'encrypt' ? plain : tokens
          await call(side, verb, items)
          const { url, base } = side
          const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
          const body = JSON.stringify({ items })
          return { pid: side.pid, order: { url, path: `${base}/${verb}`, headers, body, connections } }
        }
        const name = `POST ${verb}, ${size} | bare Fastify with GCM`
        await orSkip(name, report, async () =>
          alternateLoad(
            {
              name,
              ours: await order(ours),
              theirs: await order(theirs),
              itemsPerRequest,
              ...(verb === 'encrypt' && { goal }),
            },
            load,
            sizes,
          ),
        )
      }
    }
  } finally {
    await Promise.all([load.stop(), bare.stop(), keyhold.stop()])
  }
}

async function call({ url, token, base }: Side, verb: string, items: Item[]): Promise<Item[]> {
  const { status, answer, text } = await ask({
    url,
    token,
    path: `${base}/${verb}`,
    body: { items },
    timeoutMs,
  })
  if (status !== 200) throw new Error(`${verb} answered ${answer}`)
  const done = (JSON.parse(text) as { items: Item[] }).items
  const member = verb === 'encrypt' ? 'token' : 'plaintext'
  if (done.length !== items.length || !done.every((item) => member in item))
    throw new Error(`an item was not ${verb}ed`)
  return done
}
