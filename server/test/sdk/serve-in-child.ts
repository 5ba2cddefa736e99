// A whole test server in a process of its own, for tests that may not import the server: those of the SDK. The parent
// asks over Node's own channel, `{ id, ask, argument }`, and is answered `{ id, reply }` or `{ id, error }`. The first
// argument holds settings as JSON; the server ends with the channel.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { randomBytes } from 'node:crypto'
import { createTenantWithOwnKey, migrateTo, registerKey } from '../http/scene.ts'
import { startTestServer, type TestTenant } from '../../../testkit/src/server/start-test-server.ts'

const server = await startTestServer(JSON.parse(process.argv[2] ?? '{}') as Record<string, string>)

/** The questions that the parent may ask. */
const answers = {
  createTenant: () => server.createTenant(),
  createTenantWithOwnKey: () => createTenantWithOwnKey(server),
  /** A service token that is bound to no tenant. */
  async createPlatformToken() {
    const { body } = await server.request('POST', '/api/v1/api-keys', {
      token: server.operatorToken,
      body: { role: 'service' },
    })
    return (body as { key: string }).key
  },
  /** Moves the tenant to a new key of its own. */
  async migrate(tenant: TestTenant) {
    const { fingerprint, arn } = await registerKey(server, tenant)
    await migrateTo(server, tenant, fingerprint)
    return arn
  },
  /** A database of an application's own beside the server's; answers the connection to it. */
  async createDatabase() {
    const database = `application_${randomBytes(4).toString('hex')}`
    await server.query(`CREATE DATABASE ${database}`)
    return { ...server.databaseConnection(), database }
  },
  async disableKey(arn: string) {
    await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
  },
  async enableKey(arn: string) {
    await server.customerKms().send(new EnableKeyCommand({ KeyId: arn }))
  },
}

interface Question {
  id: number
  ask: keyof typeof answers
  argument: never
}

process.on('message', ({ id, ask, argument }: Question) => {
  answers[ask](argument).then(
    (reply) => process.send?.({ id, reply }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  )
})
process.on('disconnect', () => {
  // Whatever still waits for an answer has no one to give it to.
  void server.stop().finally(() => process.exit())
})
process.send?.({ id: 0, reply: server.url })
