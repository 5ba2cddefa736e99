// A PostgreSQL on another machine is verified, or the operator has said that it need not be.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { unverifiedHost } from '../../src/driver/unverified-host.ts'
import { readSettings, type Settings } from '../../src/settings/read-settings.ts'
import { connectDatabase, connectDatabaseToLook } from '../../src/wiring/connect-database.ts'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'keyhold-ca-'))
const ca = path.join(folder, 'ca.pem')
writeFileSync(ca, createTestAuthority().certificate)
afterAll(() => {
  rmSync(folder, { recursive: true })
})
afterEach(() => {
  vi.unstubAllEnvs()
})

const at = (host: string, query = '') => unverifiedHost({ url: `postgres://u:p@${host}/d${query}` })

test.each([
  ['db.example', ''],
  ['db.example', '?sslmode=disable'],
  ['db.example', '?sslmode=no-verify'],
  ['db.example', '?ssl=no-verify'],
  ['db.example', '?ssl=0'],
  ['db.example', '?ssl=false'],
  ['db.example', '?sslmode=verify-full&sslmode=disable'],
  ['db.example', '?uselibpqcompat=true&sslmode=prefer'],
  ['db.example', '?uselibpqcompat=true&sslmode=require'],
  ['db.example', `?uselibpqcompat=true&sslmode=verify-ca&sslrootcert=${ca}`],
  ['10.0.0.7:5432', ''],
  ['[2001:db8::1]', ''],
  ['localhost', '?host=db.example'],
  ['0.0.0.0', ''],
  ['127.0.0.1,db.example', ''],
  ['localhost', '?host=/run/postgresql,db.example'],
])('%s with "%s" is not verified', (host, query) => {
  expect(at(host, query)).toBeTypeOf('string')
})

test.each([
  ['db.example', '?sslmode=verify-full'],
  ['db.example', '?ssl=true'],
  ['db.example', '?sslmode=require'],
  ['db.example', '?sslmode=prefer'],
  ['db.example', `?sslrootcert=${ca}`],
  ['db.example', `?uselibpqcompat=true&sslmode=verify-full&sslrootcert=${ca}`],
  ['db.example', '?sslnegotiation=direct'],
  ['localhost', ''],
  ['127.0.0.1', '?sslmode=disable'],
  ['[::1]', ''],
  ['', '?host=/run/postgresql'],
  ['db.example', '?host=/run/postgresql'],
  ['127.0.0.1:1,[::1]:2', ''],
  ['a.example,b.example', '?sslmode=verify-full'],
])('%s with "%s" is this machine, or verified', (host, query) => {
  expect(at(host, query)).toBeUndefined()
})

test('the variables of the driver count as they do when it connects', () => {
  vi.stubEnv('PGHOST', 'db.example')
  expect(unverifiedHost({ url: 'postgres:///d' })).toBe('db.example')
  vi.stubEnv('PGSSLMODE', 'verify-full')
  expect(unverifiedHost({ url: 'postgres:///d' })).toBeUndefined()
  vi.stubEnv('PGSSLMODE', 'no-verify')
  expect(unverifiedHost({ url: 'postgres:///d' })).toBe('db.example')
})

test.each([
  ['a server', (settings: Settings) => connectDatabase(settings, pino({ level: 'silent' }))],
  ['doctor and upgrade-check', connectDatabaseToLook],
])('it is refused before anything is sent, unless a setting allows it, by %s', async (_who, open) => {
  const connect = (more: Record<string, string>) =>
    open(readSettings({ KEYHOLD_DATABASE_URL: 'postgres://u:s3cret@db.invalid/d', ...more }))
  const refusal: unknown = await connect({}).catch((error: unknown) => error)
  expect(refusal).toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  expect(String(refusal)).toMatch(/sslmode=verify-full.*KEYHOLD_ALLOW_UNVERIFIED_DATABASE=true/)
  expect(String(refusal)).not.toContain('s3cret')
  await expect(connect({ KEYHOLD_ALLOW_UNVERIFIED_DATABASE: 'true' })).rejects.toMatchObject({
    code: 'ERR_DATABASE_UNAVAILABLE',
  })
})
