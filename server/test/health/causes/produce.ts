// Deeds on a key that several causes share. Each answers how it is taken back.
import {
  CancelKeyDeletionCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
  type KMSClient,
} from '@aws-sdk/client-kms'
import type { CauseScene, Key } from './cause-scene.ts'
import { resignDatabase } from '../../../../testkit/src/database/resign.ts'

const dayMs = 86_400_000

/** A fault of AWS KMS in one region, for one key; its customer can still change it. */
export const fault =
  (region: string, kind: 'throttle' | 'hang' | 'error500') =>
  ({ server }: CauseScene, { arn }: Key) =>
    Promise.resolve(
      server.kms.faults.add({
        kind,
        match: { operation: 'Decrypt', region, keyId: arn.split('/')[1] ?? '' },
      }),
    )

export const regionDown =
  (region: string) =>
  ({ server }: CauseScene) => {
    server.kms.regions.takeDown(region, 'refused')
    return Promise.resolve(() => server.kms.regions.bringBack(region))
  }

/** For long enough that the clock may be put forward meanwhile. */
export async function scheduleDeletion(client: KMSClient, arn: string): Promise<() => unknown> {
  await client.send(new ScheduleKeyDeletionCommand({ KeyId: arn, PendingWindowInDays: 30 }))
  return async () => {
    await client.send(new CancelKeyDeletionCommand({ KeyId: arn }))
    await client.send(new EnableKeyCommand({ KeyId: arn }))
  }
}

/** Deletes the key: it cannot be taken back. */
export async function deleteAndWait(scene: CauseScene, client: KMSClient, arn: string): Promise<undefined> {
  await client.send(new ScheduleKeyDeletionCommand({ KeyId: arn, PendingWindowInDays: 7 }))
  scene.kmsAheadMs += 8 * dayMs
}

/** Changes a bit of the wrapped tenant key as it is stored. */
export async function damage({ server }: CauseScene, { tenant: { tenantId } }: Key): Promise<() => unknown> {
  const where = `tenant_id = $1 and state = 'active'`
  const [row] = await server.query(`select wrapped from keyhold.tenant_keys where ${where}`, [tenantId])
  const before = row?.wrapped as Buffer
  const set = async (wrapped: Buffer) => {
    await server.query(`update keyhold.tenant_keys set wrapped = $2 where ${where}`, [tenantId, wrapped])
    await resignDatabase(server.databaseConnection())
  }
  const [prefix = '', blob = ''] = before.toString('latin1').split(/(?<=#:[0-9a-f]{32}:)/)
  const bytes = Buffer.from(blob, 'base64')
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  await set(Buffer.from(prefix + bytes.toString('base64'), 'latin1'))
  return () => set(before)
}
