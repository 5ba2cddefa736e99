// An installation whose database goes back to before its last decisions: a lock, a revoked API key, a raised minimum version, a
// cancelled migration, a cancelled destruction.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { pino } from 'pino'
import { databaseUrl } from '../../../testkit/src/database/test-database.ts'
import { call, encryptUnder, registerKey } from '../../../testkit/src/http/api.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { startMigration } from '../../../testkit/src/tenants/start-migration.ts'
import { rotateKey } from '../../src/wiring/commands/rotate-signing-key.ts'
import { runCommand } from '../../src/run-command.ts'
import { at } from '../http/read-body.ts'

export const names = ['locked', 'revoked', 'retired', 'moving', 'kept', 'still'] as const
export type Name = (typeof names)[number]

export interface OlderScene {
  server: TestServer
  tenants: Record<Name, TestTenant>
  /** A value of each tenant; of `retired` one below the minimum version. */
  tokens: Record<Name, string>
  /** An API key of `revoked` that was revoked. */
  revokedKey: string
  revokedOperatorKey: string
  /** Of both. */
  revokedIds: string[]
  stateDir: string
  /** The facts of the row that was changed, as the file had them when the change was answered: a lock, two revocations, a minimum. */
  keptAtOnce: unknown[]
  /** The lines of the log since it was asked the last time. */
  takeLog(): Record<string, unknown>[]
  /** Puts the rows of these tenants back, or all rows. */
  putBack(tenantIds?: readonly string[]): Promise<void>
  /** As it was before `putBack`. */
  putForth(): Promise<void>
  /** The outcome of asking for a tenant's value: the plaintext or a code. */
  ask(name: Name, apiKey?: string): Promise<string>
  /** Runs `keyhold-server` with the settings of the server. */
  command(...args: string[]): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }>
  metric(name: string): Promise<number>
  stop(): Promise<void>
}

const encryption = '/api/v1/encryption'

/** The last facts of a row in the text of a file of generations. */
function factsIn(text: string, kind: string, tenantId: string): unknown {
  const lines = text.trimEnd().split('\n')
  const records = lines.flatMap((line) => {
    const { records: found } = JSON.parse(line.slice(line.indexOf(' '))) as { records: unknown[][] }
    return found.filter((record) => record[0] === kind && record[1] === tenantId)
  })
  return records.at(-1)?.[4]
}

export async function openOlderScene(): Promise<OlderScene> {
  let log: Record<string, unknown>[] = []
  const logger = pino(
    { level: 'info' },
    { write: (line: string) => void log.push(JSON.parse(line) as Record<string, unknown>) },
  )
  const server = await startTestServer(
    { KEYHOLD_METRICS_PORT: '0', KEYHOLD_GENERATIONS_SECONDS: '1' },
    { logger },
  )
  const query: TestServer['query'] = (statement, values) => server.query(statement, values)
  const operator = () => openClient(server.url, server.operatorToken)
  const post = async (token: string, route: string, body?: unknown) => {
    const answer = await call(server.url, token, 'POST', `${encryption}/${route}`, body)
    if (answer.status >= 300) throw new Error(`${route}: ${JSON.stringify(answer)}`)
    return answer.body
  }
  const tenants = {} as Record<Name, TestTenant>
  const tokens = {} as Record<Name, string>
  for (const name of names) {
    tenants[name] = await server.createTenant(name)
    tokens[name] = (await encryptUnder(server.url, tenants[name], ['pay']))[0] ?? ''
  }
  await post(tenants.retired.adminToken, 'data-keys/pay/actions/rotate')
  const revoked = (await operator().call('createApiKey', { body: { role: 'service', tenantId: 'revoked' } }))
    .body
  const ofOperator = (await operator().call('createApiKey', { body: { role: 'operator' } })).body
  const destruction = await post(tenants.kept.adminToken, 'data-keys/pay/actions/destroy', { inDays: 7 })
  // A cipherkey that does not open holds the migration up.
  const damage = () =>
    query(`update keyhold.cipherkeys set wrapped = set_byte(wrapped, 60, get_byte(wrapped, 60) # 1)
      where tenant_id = 'moving' and key_name = 'held'`)
  await encryptUnder(server.url, tenants.moving, ['held'])
  const fingerprint = await registerKey(
    server.url,
    tenants.moving,
    await server.createCustomerKey(['moving']),
  )
  await damage()
  const migration = await startMigration(server.url, tenants.moving, fingerprint)
  const until = async (condition: string) => {
    for (;;) {
      await server.sweep()
      const [row] = await query(`select ${condition} as holds from keyhold.key_jobs where id = $1`, [
        migration,
      ])
      if (row?.holds === true) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  await until('last_error is not null')

  const rows =
    await query(`select table_name as name from information_schema.tables where table_schema = 'keyhold'
    and table_type = 'BASE TABLE' and table_name not like 'schema_migrations%' and table_name not in ('replicas', 'changes')
    and table_name !~ '_p[0-9]+$'`)
  const tables = rows.map(({ name }) => String(name))
  const keep = (schema: string) =>
    query(`drop schema if exists ${schema} cascade; create schema ${schema};
      ${tables.map((name) => `create table ${schema}.${name} as table keyhold.${name};`).join('\n')}`)
  const columns = await query(
    `select table_name as name, column_name as "column" from information_schema.columns where table_schema = 'keyhold'`,
  )
  const tenantColumn = (name: string) =>
    name === 'tenants'
      ? 'id'
      : ['tenant_id', 'chain'].find((column) =>
          columns.some((each) => each.name === name && each.column === column),
        )
  const load = async (schema: string, tenantIds?: readonly string[]) => {
    const statements = tables.flatMap((name) => {
      const column = tenantColumn(name)
      if (tenantIds !== undefined && column === undefined) return []
      const where =
        tenantIds === undefined
          ? ''
          : `where ${String(column)} in (${tenantIds.map((id) => `'${id}'`).join()})`
      return [
        `delete from keyhold.${name} ${where};`,
        `insert into keyhold.${name} select * from ${schema}.${name} ${where};`,
      ]
    })
    await query(`begin; set local session_replication_role = replica; ${statements.join('\n')} commit;`)
  }
  await keep('older')

  await rotateKey(server.settings, {
    ...{ tell: () => undefined, say: () => undefined },
    confirm: () => Promise.resolve(true),
  })
  const stateDir = path.join(server.dataDir, 'state')
  const keptAtOnce: unknown[] = []
  const noteKept = async (kind: string, tenantId: string) => {
    const text = await readFile(path.join(stateDir, 'generations.log'), 'utf8')
    keptAtOnce.push(factsIn(text, kind, tenantId))
  }
  await post(tenants.locked.adminToken, 'actions/lock')
  await noteKept('guard', 'locked')
  await operator().call('deleteApiKey', { params: { apiKeyId: revoked.id } })
  await noteKept('guard', 'revoked')
  await operator().call('deleteApiKey', { params: { apiKeyId: ofOperator.id } })
  await noteKept('installation', '')
  await post(tenants.retired.adminToken, 'data-keys/pay/actions/set-minimum-version', { minimumVersion: 2 })
  await noteKept('fence', 'retired')
  await post(tenants.kept.adminToken, `destructions/${String(at(destruction, 'id'))}/actions/cancel`)
  await damage()
  await post(tenants.moving.adminToken, `migrations/${migration}/actions/cancel`)
  await until(`phase = 'aborted'`)
  await server.sweep()
  await keep('newest')

  return {
    keptAtOnce,
    revokedIds: [revoked.id, ofOperator.id],
    ...{ server, tenants, tokens, revokedKey: revoked.key, revokedOperatorKey: ofOperator.key, stateDir },
    takeLog() {
      const taken = log
      log = []
      return taken
    },
    putBack: (tenantIds) => load('older', tenantIds),
    putForth: () => load('newest'),
    async ask(name, apiKey = tenants[name].serviceToken) {
      const { status, body } = await call(server.url, apiKey, 'POST', `${encryption}/decrypt`, {
        items: [{ token: tokens[name] }],
      })
      if (status !== 200) return String(at(body, 'errors', 0, 'code'))
      return String(at(body, 'items', 0, 'plaintext') ?? at(body, 'items', 0, 'error', 'code'))
    },
    async command(...args) {
      const [stdout, stderr]: [string[], string[]] = [[], []]
      const exitCode = await runCommand(args, {
        environment: {
          KEYHOLD_DATA_DIR: server.dataDir,
          KEYHOLD_DATABASE_URL: databaseUrl(server.databaseConnection()),
        },
        stdout: (text) => stdout.push(text),
        stderr: (text) => stderr.push(text),
        onServing: () => {
          throw new Error('it does not serve')
        },
      })
      return { exitCode, stdout: stdout.join(''), stderr: stderr.join('') }
    },
    async metric(name) {
      const text = await (await fetch(`${server.metricsUrl ?? ''}/metrics`)).text()
      const line = text.split('\n').find((each) => each.startsWith(`${name} `))
      return Number(line?.split(' ').at(-1))
    },
    stop: () => server.stop(),
  }
}
