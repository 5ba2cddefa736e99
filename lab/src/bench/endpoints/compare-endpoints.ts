// `POST encrypt` and `POST decrypt` with warm keys, one value a request and a hundred, beside a bare endpoint.
import { callApi, createTenant } from '../../../../testkit/src/bench-api.ts'
import { orSkip, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import { alternateLoad } from './alternate-load.ts'
import { startHelper } from './helper-process.ts'
import { startKeyholdProcess } from '../../../../testkit/src/keyhold-process.ts'

const plaintext = Buffer.alloc(1_024, 'a value that repeats itself ').toString('base64')

interface Side {
  pid: number
  url: string
  token: string
  /** What stands before `/encrypt` and `/decrypt`. */
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
        // Each side decrypts what it has encrypted. An item's error is in an answer of status 200, and the load
        // process looks at lengths alone: here every item is looked at once.
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
  const answer = (await callApi(url, token, 'POST', `${base}/${verb}`, { items })) as { items: Item[] }
  const member = verb === 'encrypt' ? 'token' : 'plaintext'
  if (answer.items.length !== items.length || !answer.items.every((item) => member in item))
    throw new Error(`an item was not ${verb}ed`)
  return answer.items
}
