// The age of an issuer's keys, by which an alert says that they cannot be read.
import { expect, test } from 'vitest'
import { readIssuersFile } from '../../src/issuers/file/read-issuers-file.ts'
import { createTrustedIssuers } from '../../src/issuers/trusted-issuers.ts'
import { createTestIssuer } from '../../../testkit/src/network/test-issuer.ts'

const file = readIssuersFile(
  Buffer.from(
    JSON.stringify({
      issuers: [
        {
          ...{ name: 'one', issuer: 'https://issuer.example', audiences: ['https://keyhold.example'] },
          ...{ algorithms: ['ES256'], jwksUrl: 'https://issuer.example/keys' },
          mappings: [{ match: { sub: 'a' }, tenant: { const: 'acme' }, role: 'service' }],
        },
      ],
    }),
  ),
)

test('the age of keys that were never read counts from when their issuer is trusted', async () => {
  const { jwks } = await createTestIssuer()
  let nowMs = 1_000
  let isAway = true
  const repeats: (() => void)[] = []
  const trusted = createTrustedIssuers({
    fetch: () =>
      isAway
        ? Promise.reject(new Error('connect'))
        : Promise.resolve({ status: 200, headers: {}, body: Buffer.from(jwks) }),
    clock: () => nowMs,
    later(work) {
      repeats.push(work)
      return () => undefined
    },
    onKeys: () => undefined,
  })
  trusted.use(file)
  await settle()
  nowMs += 7_200_000
  expect([...trusted.keyAgesMs()]).toEqual([['one', 7_200_000]])

  isAway = false
  repeats.at(-1)?.()
  await settle()
  nowMs += 60_000
  expect([...trusted.keyAgesMs()]).toEqual([['one', 60_000]])
  trusted.close()
})

/** Work without a timer ends within some turns. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
}
