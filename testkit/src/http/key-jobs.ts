// The calls that the tests of key jobs make over HTTP.
import type { KeyJob } from '@keyhold/contract'
import { setTimeout } from 'node:timers/promises'
import { pollPauseMs } from '../tenants/poll-pause.ts'
import type { TestServer, TestTenant } from '../server/start-test-server.ts'
import { call, startMigration } from './api.ts'

export const providers = '/api/v1/encryption/keyproviders'
export const migrations = '/api/v1/encryption/migrations'

export interface Answer {
  status: number
  body: unknown
}

export function asAdmin(server: TestServer, tenant: TestTenant) {
  return (method: string, path: string, body?: unknown): Promise<Answer> =>
    call(server.url, tenant.adminToken, method, path, body)
}

export async function getKeyJob(server: TestServer, tenant: TestTenant, id: string): Promise<KeyJob> {
  const { status, body } = await asAdmin(server, tenant)('GET', `${migrations}/${id}`)
  if (status !== 200) throw new Error(`expected 200, got ${status}: ${JSON.stringify(body)}`)
  return body as KeyJob
}

/** Waits until a key job is as the test wants it. */
export async function waitForKeyJob(
  server: TestServer,
  tenant: TestTenant,
  id: string,
  isAsWanted: (job: KeyJob) => boolean,
): Promise<KeyJob> {
  let job: KeyJob | undefined
  for (let round = 0; round < 400; round++) {
    job = await getKeyJob(server, tenant, id)
    if (isAsWanted(job)) return job
    await setTimeout(pollPauseMs(round))
  }
  throw new Error(`the key job stays ${JSON.stringify(job)}`)
}

export const isIn =
  (...phases: KeyJob['phase'][]) =>
  ({ phase }: KeyJob) =>
    phases.includes(phase)

export const isPaused = ({ lastError }: KeyJob) => lastError !== undefined

export function act(
  server: TestServer,
  tenant: TestTenant,
  id: string,
  action: 'cancel' | 'retry' | 'accept-failures' | 'destroy-failures',
  body?: unknown,
): Promise<Answer> {
  return asAdmin(server, tenant)('POST', `${migrations}/${id}/actions/${action}`, body)
}

/** Migrates, waits for the end, and answers the key job. */
export async function migrate(server: TestServer, tenant: TestTenant, fingerprint: string): Promise<KeyJob> {
  const id = await startMigration(server.url, tenant, fingerprint)
  return waitForKeyJob(server, tenant, id, isIn('done'))
}

export async function currentProvider(server: TestServer, tenant: TestTenant): Promise<string | undefined> {
  const { body } = await asAdmin(server, tenant)('GET', `${providers}/actions/list`)
  return (body as { arnFingerPrint: string; current?: true }[]).find(({ current }) => current === true)
    ?.arnFingerPrint
}

export interface TenantKey {
  version: number
  state: string
  fingerprint: string
  destroyAfter?: string
}

/** All versions of the tenant key, the oldest first. */
export async function tenantKeys(server: TestServer, tenant: TestTenant): Promise<TenantKey[]> {
  const { body } = await asAdmin(server, tenant)('GET', '/api/v1/encryption/tenant-keys')
  return (body as { tenantKeys: TenantKey[] }).tenantKeys.reverse()
}

export function codeOf({ body }: Answer): string | undefined {
  return (body as { errors?: { code: string }[] }).errors?.[0]?.code
}
