// The tutorial, with its own curl lines over real HTTP. They stand here as in the document, but for the quoting and
// line ends of a POSIX shell; only the names in angle brackets are filled in.
import { execFile } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'

const createProvider = String.raw`curl -L "<TENANT>/api/v1/encryption/keyproviders" \
-H "Authorization: Bearer <ACCESS_TOKEN>" \
-H "Content-Type: application/json" \
-d "{\"name\": \"<KEY_PROVIDER_NAME>\", \"arn\": \"<KMS_KEY_ARN>\", \"keyprovider\": \"AWS-KMS\" }"`

const listProviders = String.raw`curl -L "<TENANT>/api/v1/encryption/keyproviders" \
-H "Authorization: Bearer <ACCESS_TOKEN>" \
-H "Content-Type: application/json"`

const migrate = String.raw`curl -L -X POST "https://<TENANT>/api/v1/encryption/keyproviders/<ARN_FINGERPRINT>/actions/migrate" \
-H "Content-Type: application/json" \
-H "Authorization: Bearer <ACCESS_TOKEN>"`

const deleteProvider = String.raw`curl -L -X DELETE "https://<TENANT>/api/v1/encryption/keyproviders/<ARN_FINGERPRINT>" \
-H "Content-Type: application/json" \
-H "Authorization: Bearer <ACCESS_TOKEN>"`

// The document tells to watch and to go back without a line of its own for it.
const details = listProviders.replace('keyproviders"', 'keyproviders/migration/actions/details"')
const goBack = migrate.replace('<ARN_FINGERPRINT>/actions/migrate', 'actions/reset-to-default-provider')

const run = promisify(execFile)
const isoSeconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
const zeroTime = '0001-01-01T00:00:00Z'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

/** Runs one line of the tutorial in a shell and answers what curl printed, parsed. */
async function shell(line: string, values: Record<string, string> = {}): Promise<unknown> {
  const all: Record<string, string> = { TENANT: server.url, ACCESS_TOKEN: tenant.adminToken, ...values }
  const filled = line
    .replace('https://<TENANT>', '<TENANT>')
    .replace(/<([A-Z_]+)>/g, (placeholder, name: string) => all[name] ?? placeholder)
  const { stdout } = await run('/bin/sh', ['-c', filled.replace('curl ', 'curl --silent --show-error ')])
  return JSON.parse(stdout)
}

async function waitUntilCompleted(): Promise<unknown> {
  for (let round = 0; round < 100; round++) {
    const answer = await shell(details)
    if ((answer as { state: string }).state === 'Completed') return answer
    await setTimeout(100)
  }
  throw new Error('the migration does not complete')
}

test('the tutorial goes through from the first line to the last', async () => {
  const arn = await server.createCustomerKey([tenant.tenantId])
  const created = await shell(createProvider, { KEY_PROVIDER_NAME: 'my key', KMS_KEY_ARN: arn })
  const provider = {
    name: 'my key',
    tenantId: tenant.tenantId,
    arn,
    arnFingerPrint: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    keyprovider: 'AWS-KMS',
    createdAt: expect.stringMatching(isoSeconds) as string,
  }
  expect(created).toMatchObject({
    ...provider,
    promotedToCurrentAt: zeroTime,
    demotedFromCurrentAt: zeroTime,
  })
  expect(created).not.toHaveProperty('current')
  const fingerprint = (created as { arnFingerPrint: string }).arnFingerPrint

  expect(await shell(listProviders)).toEqual([created])

  const started = await shell(migrate, { ARN_FINGERPRINT: fingerprint })
  expect(started).toMatchObject({
    migrationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    tenantId: tenant.tenantId,
    migratingFrom: expect.stringMatching(/^v1:[A-Za-z0-9+/]{32}:[A-Za-z0-9+/]{80}$/) as string,
    migratingTo: arn,
    migratingToFingerPrint: fingerprint,
    migratingToPrefix: `#BYOKv1#:${fingerprint}`,
    state: 'New',
    completedAt: zeroTime,
  })

  const completed = await waitUntilCompleted()
  expect(completed).toMatchObject({
    migrationId: (started as { migrationId: string }).migrationId,
    progress: 100,
  })
  expect(await shell(listProviders)).toMatchObject([
    { ...provider, current: true, promotedToCurrentAt: expect.stringMatching(isoSeconds) as string },
  ])
  expect(await shell(deleteProvider, { ARN_FINGERPRINT: fingerprint })).toMatchObject({
    errors: [{ code: 'ERR_KEY_PROVIDER_IN_USE' }],
  })

  expect(await shell(goBack)).toMatchObject({
    state: 'New',
    migratingFrom: arn,
    migratingToFingerPrint: tenant.tenantId,
  })
  await waitUntilCompleted()
  expect(await shell(deleteProvider, { ARN_FINGERPRINT: fingerprint })).toEqual({
    message: 'Keyprovider metadata deleted successfully',
  })
  expect(await shell(listProviders)).toEqual([])
})
