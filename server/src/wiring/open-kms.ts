// AWS KMS, wired: its settings, its budget, and who hears of what it answers and of each call.
import type { KmsAnswer } from '@keyhold/core'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { createAwsKms, type AwsKms } from '../kms/aws-kms.ts'
import { createKmsBudget } from '../kms/kms-budget.ts'
import type { EventCounts } from '../metrics/event-counts.ts'
import { openKmsUsageMeter, type KmsUsageMeter } from '../metrics/kms-usage-meter.ts'
import { findKeyAccess } from '../providers/find-key-access.ts'
import type { Store } from '../store/store.ts'

/** @param closers - takes what ends it: the calls first, then the counting of them */
export function openKms(
  config: Config,
  logger: Logger,
  { store, events, onAnswer }: { store: Store; events: EventCounts; onAnswer: (answer: KmsAnswer) => void },
  closers: (() => Promise<void>)[],
): { aws: AwsKms; kmsUsage: KmsUsageMeter } {
  const kmsUsage = openKmsUsageMeter({
    store,
    onError: (error) => {
      logger.warn({ err: error }, 'calls to AWS KMS not added up: tried again in a while')
    },
  })
  closers.push(() => kmsUsage.close())
  const aws = createAwsKms({
    endpoint: config.kmsEndpoint,
    stsEndpoint: config.stsEndpoint === 'aws' ? undefined : (config.stsEndpoint ?? config.kmsEndpoint),
    credentials: config.kmsCredentials,
    drRegions: config.drRegions,
    findKeyAccess: (keyArn, tenantId) => findKeyAccess(store, tenantId, keyArn),
    budget: createKmsBudget(config.kmsBudget),
    budgetWaitMs: config.kmsBudget.waitSeconds * 1_000,
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
