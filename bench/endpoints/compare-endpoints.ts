// `POST encrypt` with warm keys, one value a request and a hundred, beside a bare endpoint.
import { callApi, createTenant } from '../api.ts'
import { orSkip, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import { alternateLoad } from './alternate-load.ts'
import { startHelper } from './helper-process.ts'
import { startKeyholdProcess } from './keyhold-process.ts'

const path = '/api/v1/encryption/encrypt'
const plaintext = Buffer.alloc(1_024, 'a value that repeats itself ').toString('base64')

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
    const { serviceToken } = await createTenant(keyhold.url, keyhold.operatorToken)
    for (const { size, itemsPerRequest, connections, goal } of loads) {
      const items = Array.from({ length: itemsPerRequest }, () => ({ plaintext }))
      await checkAnswer(keyhold.url, serviceToken, items)
      const body = JSON.stringify({ items })
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${serviceToken}` }
      const name = `POST encrypt, ${size} | bare Fastify with GCM`
      await orSkip(name, report, () =>
        alternateLoad(
          {
            name,
            ours: { pid: keyhold.pid, order: { url: keyhold.url, path, headers, body, connections } },
            theirs: { pid: bare.pid, order: { url: bareUrl, path: '/encrypt', headers, body, connections } },
            itemsPerRequest,
            goal,
          },
          load,
          sizes,
        ),
      )
    }
  } finally {
    await Promise.all([load.stop(), bare.stop(), keyhold.stop()])
  }
}

// An item's error is in an answer of status 200: the load process looks at lengths alone.
async function checkAnswer(url: string, token: string, items: { plaintext: string }[]): Promise<void> {
  const answer = (await callApi(url, token, 'POST', path, { items })) as { items: { token?: string }[] }
  if (answer.items.length !== items.length || answer.items.some((item) => item.token === undefined))
    throw new Error('an item was not encrypted')
}
