// How often the customer's KMS is asked, from cold, for so many encryptions and decryptions of values.
import { callApi, createTenant, migrateTo } from '../../../../testkit/src/bench-api.ts'
import { createCustomerKey } from '../../../../testkit/src/customer-key.ts'
import { startKeyholdProcess, type KeyholdProcess } from '../../../../testkit/src/keyhold-process.ts'
import { orSkip, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import { runEnvelopes } from './envelope-peer.ts'

const plaintext = Buffer.alloc(1_024, 'a value that repeats itself ')
const itemsPerRequest = 1_000
const perOperations = 1_000_000

export async function countKmsCalls(
  { dataOperations, envelopes }: Pick<Sizes, 'dataOperations' | 'envelopes'>,
  report: Report,
): Promise<void> {
  const name = `KMS calls per million encryptions and decryptions | AWS Encryption SDK`
  await orSkip(name, report, async () => {
    const keyhold = await startKeyholdProcess()
    try {
      const keyArn = await createCustomerKey(keyhold.kms.url)
      const tenant = await createTenant(keyhold.url, keyhold.operatorToken)
      await migrateTo(keyhold.url, tenant, keyArn)
      await keyhold.restart()
      const counted = async (operations: number, run: () => Promise<void>) => {
        keyhold.kms.resetCallCounts()
        await run()
        return (keyhold.kms.countCalls() * perOperations) / operations
      }
      const ours = await counted(dataOperations, () => runItems(keyhold, tenant.serviceToken, dataOperations))
      const theirs = await counted(envelopes * 2, () =>
        runEnvelopes(keyhold.kms.url, keyArn, plaintext, envelopes),
      )
      return [{ name, ours, theirs, unit: 'calls', ratio: theirs / ours }]
    } finally {
      await keyhold.stop()
    }
  })
}

async function runItems({ url }: KeyholdProcess, token: string, operations: number): Promise<void> {
  const items = Array.from({ length: itemsPerRequest }, () => ({ plaintext: plaintext.toString('base64') }))
  for (let done = 0; done < operations; done += 2 * itemsPerRequest) {
    const answer = await callApi(url, token, 'POST', '/api/v1/encryption/encrypt', { items })
    await callApi(url, token, 'POST', '/api/v1/encryption/decrypt', answer)
  }
}
