// A real server, with PostgreSQL and local-kms, in another process: server/test/sdk/serve-in-child.ts.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const program = join(import.meta.dirname, '../../../server/test/sdk/serve-in-child.ts')

export interface RealTenant {
  tenantId: string
  adminToken: string
  serviceToken: string
}

/** A connection to PostgreSQL, as `pg` takes it. */
export interface DatabaseConnection {
  host: string
  port: number
  user: string
  password: string
  database: string
}

export interface RealServer {
  url: string
  createTenant(): Promise<RealTenant>
  /** A tenant under a key of the customer. */
  createTenantWithOwnKey(): Promise<RealTenant & { arn: string }>
  /** A service token that is bound to no tenant. */
  createPlatformToken(): Promise<string>
  /** Migrates the tenant to a new key of its own, and answers the ARN when the migration has completed. */
  migrate(tenant: RealTenant): Promise<string>
  /** A database for an application. */
  createDatabase(): Promise<DatabaseConnection>
  disableKey(arn: string): Promise<void>
  enableKey(arn: string): Promise<void>
  stop(): Promise<void>
}

interface Answer {
  id: number
  reply?: unknown
  error?: string
}

export async function startRealServer(settings: Record<string, string> = {}): Promise<RealServer> {
  const child = fork(program, [JSON.stringify(settings)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const ended = once(child, 'exit')
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let lastId = 0

  function promiseFor(id: number): Promise<unknown> {
    const answer = Promise.withResolvers<unknown>()
    waiting.set(id, answer)
    return answer.promise
  }
  child.on('message', ({ id, reply, error }: Answer) => {
    const answer = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) answer?.resolve(reply)
    else answer?.reject(new Error(error))
  })
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the server ended with ${code}`))
  })

  async function ask<Reply>(question: string, argument?: unknown): Promise<Reply> {
    lastId += 1
    const answer = promiseFor(lastId)
    child.send({ id: lastId, ask: question, argument })
    return (await answer) as Reply
  }

  return {
    url: (await promiseFor(0)) as string,
    createTenant: () => ask('createTenant'),
    createTenantWithOwnKey: () => ask('createTenantWithOwnKey'),
    createPlatformToken: () => ask('createPlatformToken'),
    migrate: (tenant) => ask('migrate', tenant),
    createDatabase: () => ask('createDatabase'),
    disableKey: (arn) => ask('disableKey', arn),
    enableKey: (arn) => ask('enableKey', arn),
    async stop() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}
