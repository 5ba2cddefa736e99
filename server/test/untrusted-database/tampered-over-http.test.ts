// How a server tells of rows that somebody has tampered with: in its lists, in the metric, in the log, and in the audit trail.
import encryption from '@qlik/api/encryption'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { providers, registerKey } from '../http/scene.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
const lines: Record<string, unknown>[] = []
beforeAll(async () => {
  const write = (line: string) => lines.push(JSON.parse(line) as never)
  server = await startTestServer(
    { KEYHOLD_METRICS_PORT: '0' },
    { logger: pino({ level: 'warn' }, { write }), timings: { probeRoundMs: 600_000 } },
  )
})
afterAll(() => server.stop())

async function createScene() {
  const tenant = await server.createTenant()
  const [sound, spoiled] = [await registerKey(server, tenant), await registerKey(server, tenant)]
  const get = async (path: string, token = tenant.adminToken) => {
    const { status, body } = await server.request('GET', path, { token })
    return { status, body }
  }
  return { ...tenant, sound, spoiled, get }
}

test('a key provider that was tampered with is listed, told of once, and used by nobody', async () => {
  const { tenantId, adminToken, sound, spoiled, get } = await createScene()
  const evil = 'arn:aws:iam::666666666666:role/evil'
  await server.query('update keyhold.key_providers set role_arn = $1, name = $1 where fingerprint = $2', [
    evil,
    spoiled.fingerprint,
  ])
  // As the clients of the original ask, which know no `tampered`.
  const hostConfig = { authType: 'apikey', host: server.url, apiKey: adminToken } as const
  const listed: { data: unknown } = await encryption.listEncryptionKeyproviders({ hostConfig, noCache: true })
  expect(listed.data).toEqual([
    expect.objectContaining({ name: 'Qlik Internal Kms', current: true }),
    expect.objectContaining({ arnFingerPrint: sound.fingerprint, arn: sound.arn }),
    {
      ...{ name: 'Tampered key provider', tenantId, arn: '#TAMPERED_KEY_PROVIDER#' },
      ...{ arnFingerPrint: spoiled.fingerprint, keyprovider: 'AWS-KMS', drCompliant: false, tampered: true },
      ...{ createdAt: '0001-01-01T00:00:00Z', promotedToCurrentAt: '0001-01-01T00:00:00Z' },
      demotedFromCurrentAt: '0001-01-01T00:00:00Z',
      complianceError: {
        ...{ code: 'ERR_RECORD_NOT_AUTHENTIC', region: '' },
        message: expect.stringContaining('not as Keyhold wrote it') as string,
      },
    },
  ])
  for (let asked = 0; asked < 3; asked++) {
    const { status, body } = await get(providers)
    expect([status, JSON.stringify(body).includes('evil')]).toEqual([200, false])
  }
  expect(await get(`${providers}/${sound.fingerprint}`)).toMatchObject({ status: 200 })
  const refused = { status: 503, body: { errors: [{ code: 'ERR_RECORD_NOT_AUTHENTIC' }] } }
  expect(await get(`${providers}/${spoiled.fingerprint}`)).toMatchObject(refused)
  const migrate = `${providers}/${spoiled.fingerprint}/actions/migrate`
  expect(await server.request('POST', migrate, { token: adminToken })).toMatchObject(refused)

  const key = `${tenantId}/${spoiled.fingerprint}`
  const record = { action: 'integrity.fault', target: { kind: 'row', id: `key_providers/${key}` } }
  const faults = async () => {
    const { body } = await get('/api/v1/encryption/audits')
    return (body as { audits: { action: string }[] }).audits.filter(({ action }) => action === record.action)
  }
  await expect.poll(faults).toHaveLength(1)
  expect(await faults()).toMatchObject([{ ...record, details: { kind: 'keyProvider', fault: 'forged' } }])
  expect(lines.filter((line) => line.key === key)).toMatchObject([
    { table: 'key_providers', fault: 'forged' },
  ])
  const metrics = await (await fetch(`${server.metricsUrl ?? ''}/metrics`)).text()
  expect(metrics).toMatch(/keyhold_faulty_rows_total\{[^}]*table="key_providers"[^}]*\} [5-9]/)
})

slowTest('a default key provider that was tampered with is still the default one', async () => {
  const { tenantId, get } = await createScene()
  await server.query(`update keyhold.key_providers set kms = 'aws', alias_arn = 'x' where fingerprint = $1`, [
    tenantId,
  ])
  const { body } = await get(`${providers}/actions/list`)
  expect((body as { arnFingerPrint: string }[]).find((each) => each.arnFingerPrint === tenantId)).toEqual({
    ...{ name: 'Tampered key provider', tenantId, arn: '#QLIK_MANAGED_KEY_PROVIDER#', keyprovider: 'Qlik' },
    ...{ arnFingerPrint: tenantId, current: true, createdAt: 'Qlik managed', tampered: true },
    promotedToCurrentAt: '0001-01-01T00:00:00Z',
    demotedFromCurrentAt: '0001-01-01T00:00:00Z',
    complianceError: expect.objectContaining({ code: 'ERR_RECORD_NOT_AUTHENTIC' }) as unknown,
  })
  expect((await get(providers)).body).toHaveLength(2)
})

slowTest('lists are not kept from being shown by times that Keyhold never writes', async () => {
  const { tenantId, spoiled, get } = await createScene()
  await server.query(
    `update keyhold.key_providers set promoted_at = 'infinity', demoted_at = '-infinity' where fingerprint = $1`,
    [spoiled.fingerprint],
  )
  await server.query(`update keyhold.key_health set since = 'infinity' where fingerprint = $1`, [
    spoiled.fingerprint,
  ])
  const zero = '0001-01-01T00:00:00Z'
  expect(await get(`${providers}/${spoiled.fingerprint}`)).toMatchObject({
    status: 200,
    body: { promotedToCurrentAt: zero, demotedFromCurrentAt: zero, health: { state: 'tampered' } },
  })
  await server.query(`update keyhold.tenant_keys set created_at = 'infinity' where tenant_id = $1`, [
    tenantId,
  ])
  expect(await get('/api/v1/encryption/tenant-keys')).toEqual({
    status: 200,
    body: { tenantKeys: [{ version: 1, state: 'tampered', keyArn: '', fingerprint: '', createdAt: '' }] },
  })
})

test('a data key whose name was changed encrypts and decrypts nothing, is told of, and keeps no list from being shown', async () => {
  const { tenantId, serviceToken, get } = await createScene()
  const send = async (what: string, item: object) => {
    const body = { items: [item] }
    const answer = await server.request('POST', `/api/v1/encryption/${what}`, { token: serviceToken, body })
    return answer.body
  }
  const plaintext = 'c2VjcmV0'
  const made = (await send('encrypt', { plaintext, keyName: 'pay' })) as { items: [{ token: string }] }
  const [{ token }] = made.items
  await server.restart()
  await server.query(
    `update keyhold.cipherkeys set key_name = 'chat', created_at = 'infinity' where tenant_id = $1`,
    [tenantId],
  )
  const refused = { items: [{ error: { code: 'ERR_KEY_INTEGRITY' } }] }
  expect(await send('encrypt', { plaintext, keyName: 'chat' })).toMatchObject(refused)
  expect(await send('decrypt', { token })).toMatchObject(refused)
  expect(await send('encrypt', { plaintext, keyName: 'other' })).toMatchObject({
    items: [{ token: expect.any(String) as string }],
  })

  const listed = await get('/api/v1/encryption/data-keys')
  const versions = [{ version: 1, createdAt: '0001-01-01T00:00:00Z' }]
  expect(listed).toMatchObject({ status: 200, body: { dataKeys: [{ keyName: 'chat', versions }, {}] } })
  await expect
    .poll(async () => {
      const { body } = await get('/api/v1/encryption/audits')
      return (body as { audits: { action: string; details: object }[] }).audits
        .filter(({ action }) => action === 'integrity.fault')
        .map(({ details }) => details)
    })
    .toMatchObject([{ kind: 'cipherkey', fault: 'forged' }])
  const metrics = await (await fetch(`${server.metricsUrl ?? ''}/metrics`)).text()
  expect(metrics).toMatch(/keyhold_faulty_rows_total\{[^}]*table="cipherkeys"[^}]*\} [1-9]/)
})
