// Somebody writes to the database, with SQL and nothing else, so that another region stands in for a key that its customer has
// disabled.
import { DisableKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { encryptText, migrateTo, registerKey } from '../http/scene.ts'
import { errorCode } from '../http/read-body.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { doseOf } from '../../../testkit/src/statistics/dose-of.ts'

const own = 'eu-west-1'
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({}, { timings: { probeRoundMs: 600_000 } })
})
afterAll(() => server.stop())
afterEach(() => {
  server.kms.regions.bringBack(own)
})

test.each(
  doseOf(
    [
      ['as it is', 'select $1::text'],
      [
        'with another state',
        `update keyhold.key_health set state = 'healthy', code = null where fingerprint = $1`,
      ],
      [
        'with an outage in place of the denial',
        `update keyhold.key_health set state = 'unreachable', code = 'ERR_KMS_UNREACHABLE' where fingerprint = $1`,
      ],
      [
        'without a MAC',
        `update keyhold.key_health set state = 'healthy', code = null, mac = null where fingerprint = $1`,
      ],
      ['deleted', `delete from keyhold.key_health where fingerprint = $1`],
      [
        'exchanged with that of another region',
        `with other as (delete from keyhold.key_health where fingerprint = $1 and region <> 'eu-west-1' returning mac)
    update keyhold.key_health set state = 'healthy', code = null, mac = coalesce((select mac from other), mac)
    where fingerprint = $1 and region = 'eu-west-1'`,
      ],
    ],
    2,
  ),
)('no region stands in for a disabled key, with its row %s', async (_name, attack) => {
  const tenant = await server.createTenant()
  const arn = await server.createCustomerKey([tenant.tenantId])
  const { fingerprint } = await registerKey(server, tenant, arn)
  await migrateTo(server, tenant, fingerprint)
  const text = await encryptText(server, tenant, 'open')
  const decrypt = async () => {
    const body = { items: [{ token: text }] }
    const answer = await server.request('POST', '/api/v1/encryption/decrypt', {
      token: tenant.serviceToken,
      body,
    })
    return answer.status === 200 ? 'open' : errorCode(answer.body)
  }
  const stateOf = async () => {
    const [row] = await server.query(
      'select state from keyhold.key_health where fingerprint = $1 and region = $2',
      [fingerprint, own],
    )
    return row?.state
  }
  await server.customerKms(own).send(new DisableKeyCommand({ KeyId: arn }))
  // A restart, so that nothing is held, and nothing remembered but what the database tells.
  await server.restart()
  expect(await decrypt()).toBe('ERR_KMS_KEY_DISABLED')
  await expect.poll(stateOf).toBe('disabled')

  server.kms.regions.takeDown(own, 'refused')
  await server.query(attack, [fingerprint])
  await server.restart()
  // The second one comes when the outage of the first is known.
  for (let attempt = 0; attempt < 3; attempt++) expect(await decrypt()).not.toBe('open')
})
