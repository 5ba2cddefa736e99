// The experiments rely on this proxy: a connection that is cut before COMMIT has committed nothing, one that is cut after
// it has.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../server/src/postgres/start-embedded-postgres.ts'
import { startPostgresProxy, type PostgresProxy } from '../src/cluster/postgres-proxy.ts'

let folder: string
let postgres: EmbeddedPostgres
let proxy: PostgresProxy
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-proxy-'))
  postgres = await startEmbeddedPostgres({
    dataDir: folder,
    log: () => undefined,
    settings: { fsync: 'off' },
  })
  const { host, port } = postgres.connection
  proxy = await startPostgresProxy(path.join(host, `.s.PGSQL.${port}`))
})
afterAll(async () => {
  await proxy.close()
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
})

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ ...postgres.connection, host: '127.0.0.1', port: proxy.port })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function isCommitted(how: 'before' | 'after'): Promise<boolean> {
  const table = `cut_${how}`
  const client = await connect()
  await client.query('begin')
  await client.query(`create table ${table} (id integer)`)
  proxy.cutNextCommit(how)
  expect(proxy.isCutWaiting()).toBe(true)
  await expect(client.query('commit')).rejects.toThrow()
  expect(proxy.isCutWaiting()).toBe(false)
  const other = await connect()
  const { rows } = await other.query<{ found: boolean }>(
    `select to_regclass('${table}') is not null as found`,
  )
  await other.end()
  return rows[0]?.found ?? false
}

test('a connection that is cut before COMMIT has committed nothing', async () => {
  expect(await isCommitted('before')).toBe(false)
})

test('a connection that is cut after COMMIT has committed, and its client does not know', async () => {
  expect(await isCommitted('after')).toBe(true)
})

test('the proxy loses notifications while it is told to, and nothing else', async () => {
  const [listener, speaker] = [await connect(), await connect()]
  const heard: (string | undefined)[] = []
  listener.on('notification', ({ payload }) => heard.push(payload))
  await listener.query('listen news')
  for (const [lose, payload] of [
    [false, 'first'],
    [true, 'lost'],
    [false, 'last'],
  ] as const) {
    proxy.loseNotifications = lose
    await speaker.query(`notify news, '${payload}'`)
    // The answer comes after the notification, over the same connection.
    await listener.query('select 1')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  await expect.poll(() => heard).toEqual(['first', 'last'])
  await Promise.all([listener.end(), speaker.end()])
})
