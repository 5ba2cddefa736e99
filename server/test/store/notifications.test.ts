// Two replicas on one database: what one of them publishes the other one hears.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { onShare } from '../../src/store/connections/connection-user.ts'
import {
  openNotifications,
  type Denial,
  type NotificationListeners,
  type Notifications,
} from '../../src/store/notifications.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'

let postgres: TestPostgres
let stores: TestStores
const replicas: { notifications: Notifications; denials: Denial[] }[] = []
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
  for (let replica = 0; replica < 2; replica++) {
    const denials: Denial[] = []
    replicas.push({
      denials,
      notifications: await openNotifications(
        stores.store,
        { connection: stores.connection, beat: { everyMs: 60_000, answerMs: 20_000 } },
        listeners(denials),
      ),
    })
  }
})
afterAll(async () => {
  for (const { notifications } of replicas) await notifications.close()
  await postgres.stop()
})

function listeners(denials: Denial[]): NotificationListeners {
  const nothing = () => undefined
  return {
    onDenial: (denial) => denials.push(denial),
    ...{
      onDataKeyChange: nothing,
      onApiKeys: nothing,
      onSessions: nothing,
      onTenantLocks: nothing,
      onSigningKey: nothing,
    },
    onIssuerKeys: nothing,
    ...{ onTenantSettings: nothing, onTenantEnd: nothing },
    onUnknown: nothing,
    onError: (error) => {
      throw error
    },
  }
}

test('a denial reaches the other replica with all that it concerns, and never comes back to its own', async () => {
  const [first, second] = replicas
  const keyArn = 'arn:aws:kms:eu-west-1:222222222222:key/mrk-1'
  await first?.notifications.publishDenial({ keyArn, tenantId: 'tenant-1' })
  await first?.notifications.publishDenial({ keyArn })
  // Messages come in their order, so that nothing of its own is under way when the answer of the other one is here.
  await second?.notifications.publishDenial({ keyArn, tenantId: 'tenant-2' })
  const last = (denials: Denial[] | undefined) => denials?.filter((denial) => denial.keyArn === keyArn)
  await expect.poll(() => last(first?.denials)).toMatchObject([{ keyArn, tenantId: 'tenant-2' }])
  expect(last(second?.denials)).toMatchObject([{ keyArn, tenantId: 'tenant-1' }, { keyArn }])
  expect(last(second?.denials)?.[1]).not.toHaveProperty('tenantId')
})

test('a tenant that uses up its connections holds up no denial, and one that was not sent is sent again', async () => {
  const [first, second] = replicas
  const free = Promise.withResolvers<undefined>()
  // All that one tenant gets.
  const begun = Array.from({ length: 3 }, () => Promise.withResolvers<undefined>())
  const held = begun.map(({ resolve }) =>
    onShare('tenant-3', true, () =>
      stores.store.transaction(async () => {
        resolve(undefined)
        await free.promise
      }),
    ),
  )
  await Promise.all(begun.map(({ promise }) => promise))
  onTestFinished(() => {
    free.resolve(undefined)
  })
  const denial = { keyArn: 'arn:aws:kms:eu-west-1:222222222222:key/mrk-3', tenantId: 'tenant-3' }
  await onShare('tenant-3', false, () => first?.notifications.publishDenial(denial))
  free.resolve(undefined)
  await Promise.all(held)
  await expect.poll(() => second?.denials).toContainEqual(denial)

  const lost = { keyArn: 'arn:aws:kms:eu-west-1:222222222222:key/mrk-4' }
  await stores.query('alter table keyhold.changes rename to elsewhere')
  await expect(first?.notifications.publishDenial(lost)).rejects.toThrow('does not exist')
  await stores.query('alter table keyhold.elsewhere rename to changes')
  await first?.notifications.publishDenial(lost)
  await expect.poll(() => second?.denials).toContainEqual(lost)
})
