// The KMSs: AWS KMS with its budget, its counts and the health of its keys, and the internal KMS with the root key.
import type { Kms } from '@keyhold/core'
import type { Logger } from 'pino'
import { watchKms } from '../health/watch-kms.ts'
import { createAwsKms, type AwsKms } from '../kms/aws-kms.ts'
import { createInternalKms } from '../kms/internal-kms.ts'
import { createKmsBudget } from '../kms/kms-budget.ts'
import { createKmsByArn } from '../kms/kms-by-arn.ts'
import type { RootKey } from '../kms/root-key-file.ts'
import type { EventCounts } from '../metrics/event-counts.ts'
import { openKmsUsageMeter, type KmsUsageMeter } from '../metrics/kms-usage-meter.ts'
import { getKeyAccess } from '../providers/get-key-access.ts'
import type { Settings } from '../settings/read-settings.ts'
import type { Store } from '../store/store.ts'
import type { Closers } from './close-all.ts'
import type { Issuer } from './issuer/open-issuer.ts'
import type { KeyHealth } from './create-key-health.ts'

type KmsSettings = Pick<
  Settings,
  | 'drRegions'
  | 'kmsEndpoint'
  | 'stsEndpoint'
  | 'httpsProxy'
  | 'noProxy'
  | 'kmsAccessKeyId'
  | 'kmsSecretAccessKey'
  | 'awsCredentialFiles'
  | 'kmsRequestsPerSecond'
  | 'kmsTenantSharePercent'
  | 'kmsDecryptReservePercent'
  | 'kmsBudgetWaitSeconds'
>

export interface OpenedKms {
  /** Any key of a tenant, by its ARN. */
  kms: Kms
  aws: AwsKms
  kmsUsage: KmsUsageMeter
}

interface KmsNeeds {
  store: Store
  /** Undefined: this replica is sealed. */
  rootKey: RootKey | undefined
  events: EventCounts
  health: KeyHealth
  /** How many replicas share the budget. */
  replicas: () => number
  /** Undefined: this installation is none. */
  issuer: Issuer | undefined
}

/** @param closers - receives the functions that end the calls, and then the counting of them */
export function openKms(
  settings: KmsSettings,
  logger: Logger,
  { store, rootKey, events, health, replicas, issuer }: KmsNeeds,
  closers: Closers,
): OpenedKms {
  const { drRegions, kmsBudgetWaitSeconds } = settings
  const kmsUsage = openKmsUsageMeter({
    store,
    onError: (error) => {
      logger.warn({ err: error }, 'calls to AWS KMS not written to the account: tried again in a while')
    },
  })
  closers.push(() => kmsUsage.close())
  const aws = createAwsKms({
    ...awsOptions(settings),
    onCredentialsError: (error) => {
      logger.warn({ err: error }, "Keyhold's own credentials for AWS cannot be read: tried again in a while")
    },
    onOtherStsRegion: (region, answering) => {
      logger.warn(
        { region, answering },
        'AWS STS of the region does not accept the account or is switched off there: another region is asked',
      )
    },
    issuer: issuer?.tokens,
    onSignIn: (signIn) => {
      events.signedIn(signIn.outcome)
      const level = signIn.outcome === 'ok' || signIn.outcome === 'denied' ? 'info' : 'warn'
      logger[level](signIn, 'signed in at AWS STS with an identity token, or tried to')
    },
    drRegions,
    findKeyAccess: (keyArn, tenantId) => getKeyAccess(store, tenantId, keyArn),
    budget: createKmsBudget({
      requestsPerSecond: settings.kmsRequestsPerSecond,
      replicas,
      tenantSharePercent: settings.kmsTenantSharePercent,
      decryptReservePercent: settings.kmsDecryptReservePercent,
    }),
    budgetWaitMs: kmsBudgetWaitSeconds * 1_000,
    onAnswer: (answer) => {
      health.recorder.answered(answer)
    },
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
  const kms = createKmsByArn({ internal: createInternalKms(rootKey), aws: watchKms(aws, health) })
  return { kms, aws, kmsUsage }
}

/** How AWS is reached. Whatever calls it begins with these. */
export function awsOptions(
  settings: Pick<
    KmsSettings,
    | 'kmsEndpoint'
    | 'stsEndpoint'
    | 'httpsProxy'
    | 'noProxy'
    | 'kmsAccessKeyId'
    | 'kmsSecretAccessKey'
    | 'awsCredentialFiles'
  >,
) {
  const { kmsEndpoint, stsEndpoint } = settings
  return {
    endpoint: unlessAws(kmsEndpoint),
    stsEndpoint: unlessAws(stsEndpoint ?? kmsEndpoint),
    credentials: credentialsIn(settings),
    credentialFiles: settings.awsCredentialFiles,
    proxyRules: { proxy: settings.httpsProxy, noProxy: settings.noProxy },
  }
}

/** The real AWS has an endpoint for each region, which the AWS SDK knows. */
function unlessAws(endpoint: string): string | undefined {
  return endpoint === 'aws' ? undefined : endpoint
}

/** Without credentials the AWS SDK looks in its usual places. `readSettings` accepts both or neither. */
function credentialsIn({
  kmsAccessKeyId,
  kmsSecretAccessKey,
}: Pick<KmsSettings, 'kmsAccessKeyId' | 'kmsSecretAccessKey'>) {
  return kmsAccessKeyId === undefined || kmsSecretAccessKey === undefined
    ? undefined
    : { accessKeyId: kmsAccessKeyId, secretAccessKey: kmsSecretAccessKey }
}
