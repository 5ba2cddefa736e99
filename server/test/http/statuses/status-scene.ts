// The scene for the cases of statuses: tenants in the states that lead to a status, and ways to break their keys and records.
import { DisableKeyCommand } from '@aws-sdk/client-kms'
import type { RouteId } from '@keyhold/contract'
import { resignDatabase } from '../../../../testkit/src/database/resign.ts'
import type { TestServer, TestTenant } from '../../../../testkit/src/server/start-test-server.ts'
import { rawRequest, type RawAnswer, type RawOptions } from '../raw-request.ts'
import { createKey, migrateTo, policyWithout, providers, registerKey, setPolicy } from '../scene.ts'

/** One way in which a route comes to answer with a status. */
export interface StatusCase {
  status: number
  /** The code of the error; undefined for success. */
  code?: string
  when: string
  send: (scene: StatusScene) => Promise<RawAnswer>
}

export interface RouteStatusCase extends StatusCase {
  routeId: RouteId
}

export function casesOf(routeId: RouteId, cases: StatusCase[]): RouteStatusCase[] {
  return cases.map((each) => ({ routeId, ...each }))
}

type Send = (method: string, path: string, options?: RawOptions) => Promise<RawAnswer>

/** A tenant, with requests by its admin. */
export interface Caller {
  tenantId: string
  send: Send
}

/** A tenant with a registered key of its own. */
export interface KeyOwner extends Caller {
  arn: string
  fingerprint: string
  /** The path of its key provider. */
  provider: string
}

export const pathOf = (fingerprint: string) => `${providers}/${fingerprint}`
export const unknownProvider = pathOf('0'.repeat(32))

/** Makes the request malformed before its route looks at it. */
export const badTenantHeader = { headers: { 'keyhold-tenant': 'not/a/tenant' } }

export type StatusScene = ReturnType<typeof createStatusScene>

export function createStatusScene(server: TestServer) {
  const sendAs =
    (token?: string): Send =>
    (method, path, options) =>
      rawRequest(server.url, method, path, { ...(token !== undefined && { token }), ...options })

  const callerOf = ({ tenantId, adminToken }: TestTenant): Caller => ({ tenantId, send: sendAs(adminToken) })

  async function register(): Promise<{ tenant: TestTenant; owner: KeyOwner }> {
    const tenant = await server.createTenant()
    const { arn, fingerprint } = await registerKey(server, tenant)
    return { tenant, owner: { ...callerOf(tenant), arn, fingerprint, provider: pathOf(fingerprint) } }
  }

  let live: Promise<KeyOwner> | undefined

  return {
    /** Sends without a token. */
    sendAnonymously: sendAs(),

    /** A tenant under the internal KMS. */
    newTenant: async (): Promise<Caller> => callerOf(await server.createTenant()),

    /** A tenant that has registered a key and not yet migrated to it. */
    withKey: async (): Promise<KeyOwner> => (await register()).owner,

    /** A tenant that has migrated to its key. */
    withCurrentKey: async (): Promise<KeyOwner> => {
      const { tenant, owner } = await register()
      await migrateTo(server, tenant, owner.fingerprint)
      return owner
    },

    /** The one tenant whose migration is running. The server's failpoint holds up the first migration for a while. */
    withLiveMigration: (): Promise<KeyOwner> =>
      (live ??= register().then(async ({ owner }) => {
        await owner.send('POST', `${owner.provider}/actions/migrate`)
        return owner
      })),

    /** The ARN of a key that Keyhold may use. */
    newKey: (): Promise<string> => createKey(server),

    /** The ARN of a key whose policy does not name Keyhold. */
    newForeignKey: (): Promise<string> => createKey(server, { Policy: policyWithout() }),

    disable: (arn: string) => server.customerKms().send(new DisableKeyCommand({ KeyId: arn })),

    /** Takes Keyhold out of the policy of a key. */
    deny: (arn: string) => setPolicy(server.customerKms(), arn, policyWithout()),

    whileKmsHangs: async (send: () => Promise<RawAnswer>): Promise<RawAnswer> => {
      const remove = server.kms.faults.add({ kind: 'hang' })
      try {
        return await send()
      } finally {
        remove()
      }
    },

    damageInspection: (tenantId: string) =>
      server.query(
        `update keyhold.key_providers set inspection = '{"keyArn": 1}' where tenant_id = $1 and kms = 'aws'`,
        [tenantId],
      ),

    // As a defect of Keyhold would leave it: what somebody else wrote is refused before.
    damageKeyJob: async (tenantId: string) => {
      await server.query(`update keyhold.key_jobs set target_key_arn = 'damaged' where tenant_id = $1`, [
        tenantId,
      ])
      await resignDatabase(server.databaseConnection())
    },
  }
}
