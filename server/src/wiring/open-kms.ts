// AWS KMS: its settings, its budget, and who hears about its answers and calls.
import type { KmsAnswer } from '@keyhold/core'
import type { Logger } from 'pino'
import { createAwsKms, type AwsKms } from '../kms/aws-kms.ts'
import { createKmsBudget } from '../kms/kms-budget.ts'
import type { EventCounts } from '../metrics/event-counts.ts'
import { openKmsUsageMeter, type KmsUsageMeter } from '../metrics/kms-usage-meter.ts'
import { findKeyAccess } from '../providers/find-key-access.ts'
import type { Settings } from '../settings/read-settings.ts'
import type { Store } from '../store/store.ts'

type KmsSettings = Pick<
  Settings,
  | 'drRegions'
  | 'kmsEndpoint'
  | 'stsEndpoint'
  | 'kmsAccessKeyId'
  | 'kmsSecretAccessKey'
  | 'kmsRequestsPerSecond'
  | 'kmsTenantSharePercent'
  | 'kmsDecryptReservePercent'
  | 'kmsBudgetWaitSeconds'
>

/** @param closers - receives the functions that end the calls, and then the counting of them */
export function openKms(
  settings: KmsSettings,
  logger: Logger,
  { store, events, onAnswer }: { store: Store; events: EventCounts; onAnswer: (answer: KmsAnswer) => void },
  closers: (() => Promise<void>)[],
): { aws: AwsKms; kmsUsage: KmsUsageMeter } {
  const { drRegions, kmsEndpoint, stsEndpoint, kmsBudgetWaitSeconds } = settings
  const kmsUsage = openKmsUsageMeter({
    store,
    onError: (error) => {
      logger.warn({ err: error }, 'calls to AWS KMS not added up: tried again in a while')
    },
  })
  closers.push(() => kmsUsage.close())
  const aws = createAwsKms({
    endpoint: unlessAws(kmsEndpoint),
    stsEndpoint: unlessAws(stsEndpoint ?? kmsEndpoint),
    credentials: credentialsIn(settings),
    drRegions,
    findKeyAccess: (keyArn, tenantId) => findKeyAccess(store, tenantId, keyArn),
    budget: createKmsBudget({
      requestsPerSecond: settings.kmsRequestsPerSecond,
      tenantSharePercent: settings.kmsTenantSharePercent,
      decryptReservePercent: settings.kmsDecryptReservePercent,
    }),
    budgetWaitMs: kmsBudgetWaitSeconds * 1_000,
    onAnswer,
    onCall: (call) => {
      kmsUsage.count(call)
      events.kmsCalled(call)
    },
    onWaited: ({ priority }, outcome, waitedMs) => {
      events.kmsWaited(priority, outcome, waitedMs)
    },
  })
  closers.push(() => {
    aws.close()
    return Promise.resolve()
  })
  return { aws, kmsUsage }
}

/** The real AWS has an endpoint for each region, which the AWS SDK knows. */
function unlessAws(endpoint: string): string | undefined {
  return endpoint === 'aws' ? undefined : endpoint
}

/** Without credentials the AWS SDK looks in its usual places. `readSettings` accepts both or neither. */
function credentialsIn({ kmsAccessKeyId, kmsSecretAccessKey }: KmsSettings) {
  return kmsAccessKeyId === undefined || kmsSecretAccessKey === undefined
    ? undefined
    : { accessKeyId: kmsAccessKeyId, secretAccessKey: kmsSecretAccessKey }
}
