// The first decryption of many tenants, of none of which the server holds anything: an API key, a tenant key and a data key are
// read, and most tenants have a key in the KMS.
import { median } from '../../../testkit/src/statistics/median.ts'
import { percentile } from '../../../testkit/src/statistics/percentile.ts'
import { seededText } from '../../../testkit/src/many-tenants/seeded-cipherkeys.ts'
import { ask } from '../requests/ask.ts'
import { memoryMiB } from './measure-start.ts'
import type { MeasureParts } from './measure-parts.ts'
import type { MeasuredRow } from './rows.ts'

const atOnce = 8
const timeoutMs = 60_000

export async function measureColdDecrypts({ scene, problems }: MeasureParts): Promise<MeasuredRow[]> {
  const { keyhold, samples } = scene
  const expected = Buffer.from(seededText).toString('base64')
  const took: number[] = []
  const waiting = [...samples]
  const failures = new Map<string, number>()
  const worker = async () => {
    for (let tenant = waiting.pop(); tenant !== undefined; tenant = waiting.pop()) {
      const startMs = performance.now()
      const { answer, text } = await ask({
        ...{ url: keyhold.url, token: tenant.serviceToken, timeoutMs },
        path: '/api/v1/encryption/decrypt',
        body: { items: [{ token: tenant.token }] },
      })
      took.push(performance.now() - startMs)
      if (!text.includes(`"${expected}"`)) failures.set(answer, (failures.get(answer) ?? 0) + 1)
    }
  }
  const startMs = performance.now()
  await Promise.all(Array.from({ length: atOnce }, worker))
  const totalMs = performance.now() - startMs
  for (const [answer, count] of failures)
    problems.push(`${count} cold decryptions were answered with ${answer}`)
  return [
    { name: 'cold first decrypt, mean', worksOn: 'nothing', unit: 'ms', value: totalMs / samples.length },
    { name: 'cold first decrypt, p50', worksOn: 'nothing', unit: 'ms', value: median(took) },
    { name: 'cold first decrypt, p99', worksOn: 'nothing', unit: 'ms', value: percentile(took, 0.99) },
    {
      ...{ name: 'memory of the server after cold first decrypts', worksOn: 'tenants', unit: 'MiB' },
      value: await memoryMiB(keyhold.pid),
    },
  ]
}
