// The routes that a console asks before it shows anything: who calls, what protects the tenant, whose turn it is. One server
// serves them all.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { permissionsOf, routeIds, routes, type Route } from '@keyhold/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { resignDatabase } from '../../../../testkit/src/database/resign.ts'
import { isIn, waitForKeyJob } from '../../../../testkit/src/http/key-jobs.ts'
import { at, errorCode, listAt, textAt } from '../read-body.ts'
import { details, encryptText, policyWithout, providers, reset, setPolicy, waitUntil } from '../scene.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant('acme')
})
afterAll(() => server.stop())

const as =
  (token: string) =>
  (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    server.request(method, path, { token, body, headers })
const asAdmin = (...asked: [method: string, path: string, body?: unknown]) => as(tenant.adminToken)(...asked)
const asOperator = (...asked: [method: string, path: string, body?: unknown]) =>
  as(server.operatorToken)(...asked)

async function createKey(body: object): Promise<{ id: string; key: string }> {
  const answer = await asOperator('POST', '/api/v1/api-keys', body)
  return { id: textAt(answer.body, 'id'), key: textAt(answer.body, 'key') }
}

test('every caller learns who it is: name, role, end, tenant, and the permissions that its scopes leave', async () => {
  const { id, key } = await createKey({
    ...{ role: 'tenant-admin', tenantId: 'acme', name: 'Mara Lind', expiresInSeconds: 3_600 },
    scopes: ['lock', 'read-audits'],
  })
  const { status, body, headers } = await as(key)('GET', '/api/v1/session')
  expect(status).toBe(200)
  expect(body).toEqual({
    caller: {
      ...{ kind: 'api-key', id, name: 'Mara Lind', role: 'tenant-admin' },
      ...{ scopes: ['lock', 'read-audits'], expiresAt: expect.stringMatching(/Z$/) as unknown },
    },
    permissions: permissionsOf('tenant-admin').filter((each) => ['lock', 'read-audits'].includes(each)),
    tenant: { id: 'acme', name: 'test tenant' },
    features: { webIdentity: false, multiRegionRequired: false, contextConditionRequired: false },
    now: expect.stringMatching(/Z$/) as unknown,
  })
  // Countdowns go by the server's time, which each reply has.
  expect(Math.abs(Date.parse(headers.get('date') ?? '') - Date.parse(textAt(body, 'now')))).toBeLessThan(
    5_000,
  )

  const operator = await asOperator('GET', '/api/v1/session')
  expect([at(operator.body, 'tenant'), at(operator.body, 'permissions')]).toEqual([
    undefined,
    permissionsOf('operator'),
  ])
  const nothing = await createKey({ role: 'service', scopes: [] })
  const forAll = as(nothing.key)
  expect(errorCode((await forAll('GET', '/api/v1/session')).body)).toBe('ERR_INVALID_REQUEST')
  const named = await forAll('GET', '/api/v1/session', undefined, { 'keyhold-tenant': 'acme' })
  expect([named.status, at(named.body, 'permissions'), at(named.body, 'tenant', 'id')]).toEqual([
    200,
    [],
    'acme',
  ])
})

test('no other route can be called without its scope', () => {
  const open = routeIds.filter((id) => (routes[id] as Route).needsNoScope === true)
  expect(open.toSorted()).toEqual(['endSession', 'getBrand', 'getCsrfToken', 'getSession'])
})

test('the lock is read after a reload: since when, by whom, why; its first reason stays', async () => {
  const path = '/api/v1/encryption/lock'
  const open = await asAdmin('GET', path)
  expect([open.status, open.body]).toEqual([200, { tenantId: 'acme', locked: false }])
  const { id, key } = await createKey({ role: 'security-officer', tenantId: 'acme', name: 'Night watch' })
  const officer = as(key)
  const lock = '/api/v1/encryption/actions/lock'
  expect((await officer('POST', lock, { reason: 'a leaver still has keys' })).status).toBe(200)
  expect((await asAdmin('POST', lock, { reason: 'another' })).status).toBe(200)
  expect((await asAdmin('POST', lock)).status).toBe(200)
  for (const ask of [asAdmin, officer]) {
    expect((await ask('GET', path)).body).toEqual({
      ...{ tenantId: 'acme', locked: true, lockedAt: expect.stringMatching(/Z$/) as unknown, lockedBy: id },
      ...{ lockedByName: 'Night watch', reason: 'a leaver still has keys' },
    })
  }
  const { body } = await asAdmin('GET', '/api/v1/encryption/audits')
  const records = listAt(body, 'audits').filter((each) => at(each, 'action') === 'tenant.lock')
  expect(records.map((each) => at(each, 'details', 'reason'))).toEqual(['a leaver still has keys'])
  // No body is as good as an empty one.
  for (const body of [null, {}]) expect((await asAdmin('POST', lock, body)).status).toBe(200)
  for (const reason of ['', 'x'.repeat(257), 'two\nlines', 7])
    expect((await asAdmin('POST', lock, { reason })).status, String(reason)).toBe(400)
  // The reason is authenticated with the lock: nobody writes another one into the database.
  await server.query(`update keyhold.tenant_guards set lock_reason = 'all is well' where tenant_id = 'acme'`)
  expect(errorCode((await asAdmin('GET', path)).body)).toBe('ERR_RECORD_NOT_AUTHENTIC')
  await server.query(
    `update keyhold.tenant_guards set lock_reason = 'a leaver still has keys' where tenant_id = 'acme'`,
  )
  expect((await asAdmin('POST', '/api/v1/encryption/actions/unlock')).status).toBe(200)
  expect((await asAdmin('GET', path)).body).toEqual({ tenantId: 'acme', locked: false })
})

/** The data of the events of a stream that has ended. */
function eventsOf(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)) as unknown)
}

test('the checks of a key come one by one, each with a code and parameters, and end with the result', async () => {
  const arn = await server.createCustomerKey(['acme'])
  const path = `${providers}/actions/check`
  const { body: atOnce } = await asAdmin('POST', path, { arn })
  const stream = await asAdmin('POST', `${path}/events`, { arn })
  expect([stream.status, stream.headers.get('content-type')]).toEqual([
    200,
    'text/event-stream; charset=utf-8',
  ])
  const events = eventsOf(stream.text)
  expect(at(events.at(-1), 'result')).toEqual(atOnce)
  const counts = events.map((event) => listAt(event, 'checks').length)
  expect(counts).toEqual(counts.toSorted((a, b) => a - b))
  for (const event of events.slice(0, -1)) expect(at(event, 'result')).toBeUndefined()
  expect(listAt(atOnce, 'checks').find((each) => at(each, 'check') === 'Replica')).toMatchObject({
    ...{ outcome: 'passed', code: '', params: { regions: 'eu-west-3' } },
  })

  await setPolicy(server.customerKms(), arn, policyWithout('GenerateDataKey'))
  const denied = eventsOf((await asAdmin('POST', `${path}/events`, { arn })).text).at(-1)
  const failed = listAt(denied, 'checks').find((each) => at(each, 'outcome') === 'failed')
  expect(failed).toMatchObject({
    ...{ check: 'GenerateDataKey', region: 'eu-west-1', code: 'Encryption-88' },
    params: { action: 'GenerateDataKey', region: 'eu-west-1' },
  })
  const skipped = listAt(denied, 'checks').find((each) => at(each, 'check') === 'Decrypt')
  expect(skipped).toMatchObject({ outcome: 'skipped', params: { because: 'nothing-to-decrypt' } })
  // A wrong request is refused before the stream begins.
  const wrong = await asAdmin('POST', `${path}/events`, { arn: 'no arn' })
  expect([wrong.status, errorCode(wrong.body)]).toEqual([417, 'ERR_ARN_INVALID'])
})

test('a start that names a plan is refused once the world has moved; without a plan it starts from what there is', async () => {
  const arn = await server.createCustomerKey(['acme'])
  const { body: registered } = await asAdmin('POST', providers, { name: 'a key', arn })
  const path = `${providers}/${textAt(registered, 'arnFingerPrint')}/actions`
  const planOf = async () => textAt((await asAdmin('POST', `${path}/plan-migration`)).body, 'planId')
  const first = await planOf()
  // A rotation has another version wrap new keys: what the plan has shown is no more.
  const { body: rotation } = await asAdmin('POST', '/api/v1/encryption/tenant-key/actions/rotate')
  await waitForKeyJob(server, tenant, textAt(rotation, 'id'), isIn('done'))
  const start = (plan: string) => asAdmin('POST', `${path}/migrate?plan=${plan}`)
  const outdated = await start(first)
  expect([outdated.status, errorCode(outdated.body)]).toEqual([409, 'ERR_MIGRATION_PLAN_OUTDATED'])
  const second = await planOf()
  const [madeAt = '', digest = ''] = second.split('.')
  for (const other of [`${digest.startsWith('A') ? 'B' : 'A'}${digest.slice(1)}`]) {
    expect((await start(`${madeAt}.${other}`)).status).toBe(409)
  }
  // It says when it was made, and nobody makes it younger.
  const older = (Number.parseInt(madeAt, 36) - 3_601).toString(36)
  expect((await start(`${older}.${digest}`)).status).toBe(409)
  expect((await start('no plan')).status).toBe(400)
  const started = await start(second)
  expect(started.status, started.text).toBe(200)
  const job = await waitForKeyJob(server, tenant, textAt(started.body, 'id'), isIn('done'))
  expect(job.phase).toBe('done')
  const again = await start(second)
  expect([again.status, errorCode(again.body)]).toEqual([409, 'ERR_MIGRATION_PLAN_OUTDATED'])
  // The original's call knows no plans.
  expect(errorCode((await asAdmin('POST', `${path}/migrate`)).body)).toBe('ERR_MIGRATION_TARGET_CURRENT')
})

test('audit records come newest first, by action, by actor and by time, page by page, from an index', async () => {
  const list = async (query: string) => {
    const { status, body } = await asAdmin('GET', `/api/v1/encryption/audits?${query}`)
    expect(status, query).toBe(200)
    return body
  }
  const sequences = (body: unknown) => listAt(body, 'audits').map((each) => Number(at(each, 'sequence')))
  const chain = await list('limit=1000')
  const all = sequences(chain)
  expect(all).toEqual(all.toSorted((a, b) => a - b))
  expect(sequences(await list('order=desc&limit=1000'))).toEqual(all.toReversed())

  const collected: number[] = []
  let after = ''
  for (let pages = 0; pages < 100; pages++) {
    const page = await list(`order=desc&limit=2${after}`)
    collected.push(...sequences(page))
    expect([at(page, 'forged'), at(page, 'authenticTo')]).toEqual([undefined, sequences(page)[0]])
    const next = at(page, 'next')
    if (next === undefined) break
    after = `&after=${JSON.stringify(next).slice(1, -1)}`
  }
  expect(collected).toEqual(all.toReversed())

  const locks = await list('action=tenant.lock')
  expect(listAt(locks, 'audits').map((each) => at(each, 'action'))).toEqual(['tenant.lock'])
  const actor = textAt(locks, 'audits', 0, 'actor', 'id')
  const ofActor = await list(`actor=${actor}&order=desc`)
  expect(new Set(listAt(ofActor, 'audits').map((each) => at(each, 'actor', 'id')))).toEqual(new Set([actor]))
  expect(sequences(await list(`actor=${actor}&action=tenant.unlock`))).toEqual([])
  // No record is the one before the first: it begins there, as the chain does.
  expect(sequences(await list('action=tenant.lock&after=0'))).toEqual(sequences(locks))
  const lockedAt = textAt(locks, 'audits', 0, 'at')
  expect(sequences(await list(`from=${lockedAt}&limit=1`))).toEqual(sequences(locks))
  expect(sequences(await list(`to=${lockedAt}&order=desc&limit=1`))).toEqual([(sequences(locks)[0] ?? 0) - 1])
  for (const query of [
    ...['order=newest', 'action=nothing', 'from=yesterday', 'to=2026-02-30T00:00:00Z'],
    'actor=a%00b',
  ])
    expect((await asAdmin('GET', `/api/v1/encryption/audits?${query}`)).status, query).toBe(400)

  // Many records of others, and of other actions: a page reads what it shows.
  await server.query(`insert into keyhold.audits (chain, sequence, id, at, actor_id, action, target_kind, target_id, details, hash)
    select 'many', n, gen_random_uuid(), timestamptz '2026-01-01' + n * interval '1 second', 'k' || n % 50,
      case n % 100 when 0 then 'tenant.lock' else 'tenant.unlock' end, 'tenant', 'x', '{}', sha256('') from generate_series(1, 20000) n`)
  await server.query('analyze keyhold.audits')
  for (const condition of [
    `action = 'tenant.lock'`,
    `actor_id = 'k7'`,
    `at >= '2026-01-01 01:00Z' and at < '2026-01-01 05:00Z'`,
    'true',
  ]) {
    const rows = await server.query(`explain (analyze, buffers, format json) select * from keyhold.audits
      where chain = 'many' and ${condition} and (at, sequence) < ('2026-01-01 04:00Z', 14400) order by at desc, sequence desc limit 50`)
    const plan = JSON.stringify(rows)
    expect(plan, condition).not.toMatch(/Seq Scan|"Sort"/)
    expect(Number(/"Shared Hit Blocks":(\d+)/.exec(plan)?.[1]), condition).toBeLessThan(200)
  }
})

const overviewOf = async () => {
  const { status, body, text } = await asAdmin('GET', '/api/v1/encryption/overview')
  expect(status, text).toBe(200)
  return body
}

test('the overview says in one answer what protects the tenant, whether it is well, and whose turn it is', async () => {
  const well = await overviewOf()
  const [internal, first] = listAt(well, 'keys')
  expect(at(well, 'turn')).toEqual({
    ...{ owner: 'nobody', code: 'all-well', params: {}, data: 'open' },
    text: 'Everything is well, and nobody has to do anything.',
  })
  expect(internal).toMatchObject({ internal: true, current: false, arnFingerPrint: 'acme' })
  expect([at(internal, 'health'), at(internal, 'light')]).toEqual([undefined, undefined])
  expect(first).toMatchObject({ current: true, drCompliant: true, light: { state: 'in-use' } })
  expect(at(well, 'lock', 'locked')).toBe(false)
  for (const member of ['keyJob', 'nextDestruction']) expect(at(well, member)).toBeUndefined()

  // A destruction is due, and the people lock the tenant.
  const token = await encryptText(server, tenant, 'payroll', { keyName: 'payroll' })
  const destroy = '/api/v1/encryption/data-keys/payroll/actions/destroy'
  const { body: destruction } = await asAdmin('POST', destroy, { inDays: 7 })
  await asAdmin('POST', '/api/v1/encryption/actions/lock', { reason: 'rehearsal' })
  const locked = await overviewOf()
  expect(at(locked, 'nextDestruction')).toEqual(destruction)
  expect(at(locked, 'turn')).toMatchObject({
    ...{ owner: 'you', code: 'tenant-locked', data: 'closed', params: { reason: 'rehearsal' } },
  })

  // The key is disabled besides: what the people have done themselves stays the first thing that is said.
  const keyArn = textAt(first, 'arn')
  await server.customerKms().send(new DisableKeyCommand({ KeyId: keyArn }))
  await asAdmin('POST', `${providers}/${textAt(first, 'arnFingerPrint')}/actions/test`)
  const stateOf = async () => at(await overviewOf(), 'keys', 1, 'health', 'state')
  // The outcome of a test is written down beside its answer.
  await waitUntil(async () => (await stateOf()) === 'disabled', 30_000)
  expect(at(await overviewOf(), 'turn', 'owner')).toBe('you')
  await asAdmin('POST', '/api/v1/encryption/actions/unlock')
  // The outcome of a test is written down beside its answer.
  await waitUntil(async () => at(await overviewOf(), 'turn', 'owner') === 'your-key', 30_000)
  expect(at(await overviewOf(), 'turn')).toMatchObject({
    ...{ owner: 'your-key', code: 'key-disabled', data: 'closed', params: { region: 'eu-west-1' } },
    ...{ text: 'The key is disabled in eu-west-1.', arnFingerPrint: textAt(first, 'arnFingerPrint') },
  })
  await server.customerKms().send(new EnableKeyCommand({ KeyId: keyArn }))
  await asAdmin('POST', `${providers}/${textAt(first, 'arnFingerPrint')}/actions/test`)
  await waitUntil(async () => at(await overviewOf(), 'turn', 'owner') === 'nobody', 30_000)

  // Back under the internal KMS, nothing needs the key any more: the light agrees with the usage.
  // Fetch drops the body of a 205.
  expect((await asAdmin('POST', reset)).status).toBe(205)
  const { body: started } = await asAdmin('GET', details)
  const running = await overviewOf()
  expect([undefined, 'migration']).toContain(at(running, 'keyJob', 'kind'))
  await waitForKeyJob(server, tenant, textAt(started, 'id'), isIn('done'))
  const left = listAt(await overviewOf(), 'keys')
  const { body: usage } = await asAdmin('GET', `${providers}/${textAt(first, 'arnFingerPrint')}/usage`)
  expect(left.map((key) => at(key, 'current'))).toEqual([true, false])
  expect(at(left[1], 'light')).toEqual({ state: 'safe', since: at(usage, 'safeSince') })
  expect(token).toMatch(/^kh1/)
})

/** Reads a stream until it has said so many events with data. */
async function readStream(path: string, count: number, headers: Record<string, string> = {}) {
  const reading = new AbortController()
  const answer = await fetch(`${server.url}${path}`, {
    headers: { authorization: `Bearer ${tenant.adminToken}`, ...headers },
    signal: reading.signal,
  })
  let text = ''
  const decoder = new TextDecoder()
  for await (const bytes of answer.body ?? []) {
    text += decoder.decode(bytes as Uint8Array, { stream: true })
    if (text.split('\ndata: ').length > count) break
  }
  reading.abort()
  return text
}

test('what happens to a tenant is a stream: who comes back with the last id misses nothing', async () => {
  const path = '/api/v1/encryption/events'
  const audits = listAt((await asAdmin('GET', '/api/v1/encryption/audits?limit=1000')).body, 'audits')
  const [, second] = audits
  // From the second record on, by header and by query: each record once, in its place.
  for (const [query, headers] of [
    ['', { 'last-event-id': '1' }],
    ['?after=1', {}],
  ] as const) {
    const text = await readStream(`${path}${query}`, audits.length - 1, headers)
    expect(eventsOf(text)).toEqual(audits.slice(1))
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))).toEqual(
      audits.slice(1).map((each) => at(each, 'sequence')),
    )
  }
  expect(at(second, 'sequence')).toBe(2)
  // Without an id it begins now, and says where that is before anything happens.
  const reading = readStream(path, 1)
  await new Promise((resolve) => setTimeout(resolve, 300))
  await asAdmin('PATCH', '/api/v1/encryption/settings', { keyCacheTtlSeconds: null })
  const text = await reading
  expect(text.startsWith(`id: ${audits.length}\n\n`)).toBe(true)
  expect(eventsOf(text)).toMatchObject([{ sequence: audits.length + 1, action: 'tenant.change-settings' }])
})

test('news do not keep a stream open whose token is revoked', async () => {
  const { id, key } = await createKey({ role: 'auditor', tenantId: 'acme', name: 'left' })
  const answer = await fetch(`${server.url}/api/v1/encryption/events`, {
    headers: { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(10_000),
  })
  const reading = answer.text()
  expect((await asOperator('DELETE', `/api/v1/api-keys/${id}`)).status).toBe(204)
  await asAdmin('PATCH', '/api/v1/encryption/settings', { keyCacheTtlSeconds: null })
  expect(await reading).not.toContain('tenant.change-settings')
})

test('a colleague continues the draft of a key set-up; nobody writes over what he has not seen, and it expires', async () => {
  const path = '/api/v1/encryption/setup'
  expect(errorCode((await asAdmin('GET', path)).body)).toBe('ERR_SETUP_NOT_FOUND')
  const colleague = await createKey({ role: 'tenant-admin', tenantId: 'acme', name: 'Jan' })
  const choices = { kms: 'aws', account: '111122223333', regions: ['eu-west-1', 'eu-west-3'], note: 'Über' }
  const first = await asAdmin('PUT', path, { version: 0, step: 'where', choices })
  expect([first.status, at(first.body, 'choices')]).toEqual([200, choices])
  const version = Number(at(first.body, 'version'))

  const next = { version, step: 'access', choices: { ...choices, waitingFor: 'cloud team' } }
  const second = await as(colleague.key)('PUT', path, next)
  expect(second.status).toBe(200)
  for (const seen of [0, version]) {
    const late = await asAdmin('PUT', path, { version: seen, step: 'check', choices: {} })
    expect([late.status, errorCode(late.body)]).toEqual([409, 'ERR_SETUP_CHANGED'])
  }
  expect((await asAdmin('GET', path)).body).toMatchObject({
    ...{ step: 'access', choices: next.choices, changedBy: { id: colleague.id, name: 'Jan' } },
    createdBy: at(first.body, 'createdBy'),
  })
  for (const wrong of [
    { version: 0, step: 'elsewhere', choices: {} },
    { version: 0, step: 'where', choices: { secret: 'x' } },
    { version: 0, step: 'where', choices: { regions: Array<string>(41).fill('eu-west-1') } },
    { version: 0, step: 'where', choices: { note: 'x'.repeat(1_025) } },
    { step: 'where', choices: {} },
  ])
    expect((await asAdmin('PUT', path, wrong)).status, JSON.stringify(wrong)).toBe(400)

  // Whoever writes to the database puts no other account in, which people would confirm.
  await server.query(
    `update keyhold.setup_drafts set choices = replace(choices, '111122223333', '666666666666')`,
  )
  expect(errorCode((await asAdmin('GET', path)).body)).toBe('ERR_RECORD_NOT_AUTHENTIC')
  await server.query(
    `update keyhold.setup_drafts set choices = replace(choices, '666666666666', '111122223333')`,
  )
  await server.query(
    `update keyhold.setup_drafts set expires_at = now() - interval '1 second', changed_at = now() - interval '2 seconds'`,
  )
  await resignDatabase(server.databaseConnection())
  expect(errorCode((await asAdmin('GET', path)).body)).toBe('ERR_SETUP_NOT_FOUND')
  const anew = await asAdmin('PUT', path, { version: 0, step: 'where', choices: {} })
  expect(Number(at(anew.body, 'version'))).toBeGreaterThan(Number(at(second.body, 'version')))
  expect((await asAdmin('DELETE', path)).status).toBe(204)
  expect(errorCode((await asAdmin('DELETE', path)).body)).toBe('ERR_SETUP_NOT_FOUND')
})

test('drills have a history, each with its signed report, and one that somebody has put in is not shown', async () => {
  const path = '/api/v1/encryption/dr-drill'
  const ids: string[] = []
  for (let run = 0; run < 3; run++) {
    const { body } = await asAdmin('POST', `${path}/actions/run`, {})
    ids.unshift(textAt(body, 'report', 'id'))
  }
  const list = async (query: string) => (await asAdmin('GET', `${path}s${query}`)).body
  const idsOf = (body: unknown) => listAt(body, 'drills').map((each) => textAt(each, 'id'))
  const page = await list('?limit=2')
  expect([idsOf(page), at(page, 'next')]).toEqual([ids.slice(0, 2), ids[1]])
  expect(idsOf(await list(`?limit=2&before=${ids[1] ?? ''}`))).toEqual(ids.slice(2))
  const last = await asAdmin('GET', path)
  expect(listAt(page, 'drills')[0]).toEqual({ id: ids[0], ...Object(last.body) })
  expect(await asOperator('GET', '/api/v1/tenants/acme/dr-drills').then(({ body }) => idsOf(body))).toEqual(
    ids,
  )

  await server.query(
    'update keyhold.dr_drill_history set jws = (select jws from keyhold.dr_drills limit 1) where id = $1',
    [ids[2]],
  )
  expect(listAt(await list(''), 'drills')[2]).toEqual({ id: ids[2], tampered: true })
})

test('an operator finds tenants by name and by what is the matter, from an index, with the state of each', async () => {
  await asAdmin('POST', '/api/v1/encryption/actions/lock')
  await asOperator('POST', '/api/v1/tenants', { id: 'other', name: 'Zenith 100%' })
  const list = async (query: string) => {
    const { status, body } = await asOperator('GET', `/api/v1/tenants?${query}`)
    expect(status, query).toBe(200)
    return listAt(body, 'tenants')
  }
  const idsOf = (tenants: unknown[]) => tenants.map((each) => textAt(each, 'id'))
  const [acme, other] = await list('status=true')
  expect(acme).toMatchObject({
    id: 'acme',
    status: { locked: true, currentKey: { arnFingerPrint: 'acme', internal: true } },
  })
  expect(at(other, 'status', 'locked')).toBe(false)
  expect(at((await list(''))[0], 'status')).toBeUndefined()
  expect(idsOf(await list('search=zEN'))).toEqual(['other'])
  expect(idsOf(await list('search=oth'))).toEqual(['other'])
  expect(idsOf(await list('search=100%25'))).toEqual([])
  expect(idsOf(await list('search=Zenith%20100%25'))).toEqual(['other'])
  expect(idsOf(await list('search=%25'))).toEqual([])
  expect(idsOf(await list('state=locked'))).toEqual(['acme'])
  for (const state of ['key-job', 'deleting']) expect(idsOf(await list(`state=${state}`)), state).toEqual([])
  await asOperator('POST', '/api/v1/tenants/other/actions/schedule-deletion', { inDays: 7 })
  expect(idsOf(await list('state=deleting'))).toEqual(['other'])

  await server.query(`insert into keyhold.tenants (id, name, active_tenant_key_version)
    select 'many-' || n, 'Tenant ' || n, 1 from generate_series(1, 20000) n`)
  await server.query(`insert into keyhold.tenant_guards (tenant_id, incarnation)
    select id, incarnation from keyhold.tenants where id like 'many-%'`)
  await server.query('analyze keyhold.tenants, keyhold.tenant_guards, keyhold.key_health, keyhold.key_jobs')
  for (const condition of [
    `(lower(name) like 'tenant 1999%' or id like 'Tenant 1999%')`,
    'id in (select tenant_id from keyhold.tenant_guards where locked_at is not null)',
    `id in (select tenant_id from keyhold.key_health where state <> 'healthy')`,
    `id in (select tenant_id from keyhold.key_jobs where phase not in ('done', 'aborted'))`,
  ]) {
    const plan = JSON.stringify(
      await server.query(`explain (analyze, buffers, format json) select id, name, created_at from keyhold.tenants
        where ${condition} order by created_at, id limit 100`),
    )
    expect(Number(/"Shared Hit Blocks":(\d+)/.exec(plan)?.[1]), condition).toBeLessThan(150)
  }
  await asAdmin('POST', '/api/v1/encryption/actions/unlock')
})

test('an operator sees the replicas, and the key jobs of all tenants', async () => {
  const { body: replicas } = await asOperator('GET', '/api/v1/replicas')
  expect(listAt(replicas, 'replicas')).toMatchObject([{ live: true, requiresMacs: true }])
  const { body: started } = await asAdmin('POST', '/api/v1/encryption/tenant-key/actions/rotate')
  const { status, body: jobs } = await asOperator('GET', '/api/v1/migrations')
  expect(status).toBe(200)
  // It may have ended already.
  for (const job of listAt(jobs, 'migrations'))
    expect(job).toMatchObject({ id: textAt(started, 'id'), tenantId: 'acme', kind: 'rotation' })
  await waitForKeyJob(server, tenant, textAt(started, 'id'), isIn('done'))
  expect((await asOperator('GET', '/api/v1/migrations')).body).toEqual({ migrations: [] })
})

test('the brand is shown to everybody before a sign-in, and has a readable colour, a picture and links over https', async () => {
  const page = () => fetch(`${server.url}/console/brand.json`)
  expect((await asAdmin('GET', '/api/v1/brand')).body).toEqual({ name: 'Keyhold' })
  const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(64, 1)])
  const brand = { name: 'Acme Analytics', accent: '#0b5394', privacyUrl: 'https://acme.example/privacy' }
  const logo = { type: 'image/png', data: png.toString('base64') }
  for (const [why, wrong] of [
    ['white text cannot be read', { ...brand, accent: '#ffcc00' }],
    [
      'a program',
      { ...brand, logo: { type: 'image/png', data: Buffer.from('<svg onload=…>').toString('base64') } },
    ],
    ['not over https', { ...brand, privacyUrl: 'http://acme.example' }],
    ['a user in a link', { ...brand, privacyUrl: 'https://user:word@acme.example' }],
    ['a script for a link', { ...brand, privacyUrl: 'javascript:alert(1)' }],
    ['no picture', { ...brand, logo: { type: 'image/svg+xml', data: logo.data } }],
    [
      'too large',
      {
        ...brand,
        logo: { type: 'image/png', data: Buffer.concat([png, Buffer.alloc(102_400)]).toString('base64') },
      },
    ],
    ['another member', { ...brand, html: '<b>' }],
  ] as const)
    expect((await asOperator('PUT', '/api/v1/brand', wrong)).status, why).toBe(400)
  expect((await asAdmin('PUT', '/api/v1/brand', brand)).status).toBe(403)

  const saved = await asOperator('PUT', '/api/v1/brand', { ...brand, logo })
  expect(saved.status, saved.text).toBe(200)
  const logoPath = textAt(saved.body, 'logo', 'path')
  expect((await asAdmin('GET', '/api/v1/brand')).body).toEqual(saved.body)
  await waitUntil(
    async () => ((await (await page()).json()) as { name: string }).name === 'Acme Analytics',
    20_000,
  )
  const picture = await fetch(`${server.url}${logoPath}`)
  expect([picture.headers.get('content-type'), picture.headers.get('content-security-policy')]).toEqual([
    'image/png',
    "default-src 'none'; sandbox",
  ])
  expect(Buffer.from(await picture.arrayBuffer()).equals(png)).toBe(true)
  // A row that somebody else has written is not shown to anybody.
  await server.query(`update keyhold.brand set name = 'Evil'`)
  expect(errorCode((await asAdmin('GET', '/api/v1/brand')).body)).toBe('ERR_RECORD_NOT_AUTHENTIC')
  expect(await (await page()).text()).not.toContain('Evil')
  expect((await asOperator('DELETE', '/api/v1/brand')).status).toBe(204)
  expect((await asAdmin('GET', '/api/v1/brand')).body).toEqual({ name: 'Keyhold' })
})
