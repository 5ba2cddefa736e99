// Counts how often the customer's KMS is called, with cold caches, for a number of encryptions and decryptions.
import { createCustomerKey } from '../../../../testkit/src/customer/create-customer-key.ts'
import { startKeyholdProcess, type KeyholdProcess } from '../../../../testkit/src/process/keyhold-process.ts'
import { createTenant } from '../../../../testkit/src/tenants/create-tenant.ts'
import { migrateTo } from '../../../../testkit/src/tenants/migrate-to.ts'
import { openClient } from '../../../../testkit/src/tenants/open-client.ts'
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
  const client = openClient(url, token)
  const items = Array.from({ length: itemsPerRequest }, () => ({ plaintext: plaintext.toString('base64') }))
  for (let done = 0; done < operations; done += 2 * itemsPerRequest) {
    const { body } = await client.call('encrypt', { body: { items } })
    const tokens = body.items.flatMap((item) => ('token' in item ? [{ token: item.token }] : []))
    if (tokens.length !== items.length) throw new Error('an item was not encrypted')
    await client.call('decrypt', { body: { items: tokens } })
  }
}
