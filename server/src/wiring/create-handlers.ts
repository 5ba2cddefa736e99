// The handlers of all routes, with what their rules need.
import { spellings } from '@keyhold/contract'
import { keepTestOutcome } from '../health/keep-test-outcome.ts'
import { auditHandlers } from '../http/routes/audit-handlers.ts'
import { apiKeyHandlers } from '../http/routes/api-key-handlers.ts'
import { dataHandlers, type KeysOf } from '../http/routes/data-handlers.ts'
import { dataKeyHandlers } from '../http/routes/data-key-handlers.ts'
import { destructionHandlers } from '../http/routes/destruction-handlers.ts'
import { drDrillHandlers } from '../http/routes/dr-drill-handlers.ts'
import { healthHandlers } from '../http/routes/health-handlers.ts'
import { keyCheckEventHandlers } from '../http/routes/console/key-check-events.ts'
import { keyJobEventHandlers, keyJobHandlers } from '../http/routes/key-job-handlers.ts'
import { keyProviderHandlers } from '../http/routes/key-provider-handlers.ts'
import { keyUseHandlers } from '../http/routes/key-use-handlers.ts'
import { lockHandlers } from '../http/routes/lock-handlers.ts'
import { migrationHandlers } from '../http/routes/migration-handlers.ts'
import { leaseKeyHandlers } from '../http/routes/lease-key-handlers.ts'
import { namedDataKeyHandlers } from '../http/routes/named-data-key-handlers.ts'
import { overviewHandlers, tenantEventHandlers } from '../http/routes/console/overview-handlers.ts'
import { brandHandlers } from '../http/routes/console/brand-handlers.ts'
import { operatorViewHandlers } from '../http/routes/console/operator-view-handlers.ts'
import { setupHandlers } from '../http/routes/console/setup-handlers.ts'
import { sessionHandlers } from '../http/routes/console/session-handlers.ts'
import { operatorHandlers } from '../http/routes/operator-handlers.ts'
import { signedInHandlers } from '../http/routes/people/signed-in-handlers.ts'
import { setupLinkHandlers } from '../http/routes/people/setup-link-handlers.ts'
import { tenantKeyHandlers } from '../http/routes/tenant-key-handlers.ts'
import { tenantSettingsHandlers } from '../http/routes/tenant-settings-handlers.ts'
import { usageHandlers } from '../http/routes/usage-handlers.ts'
import type { EventHandlers, Handlers } from '../http/server/handler.ts'
import { rootKeyArn } from '../kms/internal-kms.ts'
import type { RootKey } from '../kms/root-key-file.ts'
import { planMigration } from '../migration/plan-migration.ts'
import { getKeyProviderUsage } from '../providers/key-provider-usage.ts'
import { startMigration } from '../migration/start-migration.ts'
import { getKeyAccess } from '../providers/get-key-access.ts'
import type { Settings } from '../settings/read-settings.ts'
import type { Store } from '../store/store.ts'
import type { Timings } from '../timings.ts'
import type { Checkpoints } from '../installation/checkpoint-rounds.ts'
import type { GenerationRounds } from '../installation/generations/generation-rounds.ts'
import type { KeyHealth } from './create-key-health.ts'
import type { KeyJobTools } from './open-key-jobs.ts'
import type { Callers } from './open-callers.ts'
import type { Issuer } from './issuer/open-issuer.ts'
import type { Keyring } from './open-keyring.ts'
import type { OpenedKms } from './open-kms.ts'
import type { Signer } from './open-signer.ts'

export type HandlerSettings = Pick<
  Settings,
  | 'requireMultiRegion'
  | 'requireContextCondition'
  | 'drRegions'
  | 'awsPrincipals'
  | 'keyCacheTtlSeconds'
  | 'keyCacheMinTtlSeconds'
  | 'kmsMicroUsdPer10000'
  | 'internalKmsName'
  | 'signInByApiKey'
>

export interface HandlerNeeds {
  store: Store
  /** Undefined: this replica is sealed. */
  rootKey: RootKey | undefined
  kms: OpenedKms
  health: KeyHealth
  keyring: Keyring
  keyJobs: KeyJobTools
  signer: Signer
  checkpoints: Pick<Checkpoints, 'signNow'>
  /** Undefined: this replica is sealed. */
  generations: Pick<GenerationRounds, 'keep'> | undefined
  timings: Pick<Timings, 'censusMs' | 'countMs' | 'neededMs' | 'replicaGoneMs'>
  keysOf: KeysOf['keysOf']
  callers: Pick<Callers, 'wasCreated' | 'end' | 'endTenant' | 'readAgain' | 'sessions'>
  comeThroughStrangers: (tenantId: string | undefined) => boolean
  /** Undefined: this installation is none. */
  issuer: Issuer | undefined
}

export type EventHandlerNeeds = Pick<HandlerNeeds, 'store' | 'kms' | 'issuer'>

export function createHandlers(settings: HandlerSettings, needs: HandlerNeeds): Handlers {
  const { store, keyring, timings } = needs
  const dataKeyChanges = { store, dataKeys: keyring.dataKeys, announce: keyring.announceDataKeyChange }
  return {
    ...providerHandlers(settings, needs),
    ...jobHandlers(needs),
    ...installationHandlers(settings, needs),
    ...overviewHandlers({ store, kmsMicroUsdPer10000: settings.kmsMicroUsdPer10000 }),
    ...setupHandlers({ store }),
    ...brandHandlers({ store }),
    ...operatorViewHandlers({ store, replicaGoneMs: timings.replicaGoneMs }),
    ...sessionHandlers({
      store,
      features: {
        webIdentity: needs.issuer !== undefined,
        multiRegionRequired: settings.requireMultiRegion,
        contextConditionRequired: settings.requireContextCondition,
      },
    }),
    ...lockHandlers({
      store,
      locks: keyring.locks,
      keepGuard: async (tenantId) => needs.generations?.keep('guard', tenantId),
    }),
    ...tenantSettingsHandlers({
      store,
      limits: { min: settings.keyCacheMinTtlSeconds, max: settings.keyCacheTtlSeconds },
      onChange: keyring.tenantSettingsChanged,
    }),
    ...healthHandlers({ store, neededMs: timings.neededMs }),
    ...dataHandlers({ keysOf: needs.keysOf }),
    ...dataKeyHandlers({ leases: keyring.leases, now: () => store.clock.now() }),
    ...namedDataKeyHandlers({
      ...dataKeyChanges,
      keepFence: async (tenantId) => needs.generations?.keep('fence', tenantId),
    }),
    ...leaseKeyHandlers(dataKeyChanges),
    ...destructionHandlers({ store, openRecord: needs.signer.openRecord }),
    ...auditHandlers({ store, signHead: needs.checkpoints.signNow }),
  }
}

/** The handlers of all streams of events. */
export function createEventHandlers(settings: HandlerSettings, needs: EventHandlerNeeds): EventHandlers {
  const { store } = needs
  return {
    ...keyJobEventHandlers({ store }),
    ...tenantEventHandlers({ store }),
    ...keyCheckEventHandlers({ store, ...keyRequirements(settings, needs) }),
  }
}

function keyRequirements(
  { requireMultiRegion, requireContextCondition }: HandlerSettings,
  { kms: { aws }, issuer }: EventHandlerNeeds,
) {
  return {
    ...{ requireMultiRegion, requireContextCondition, issuerUrl: issuer?.url },
    examineKey: aws.examineKey.bind(aws),
  }
}

function providerHandlers(settings: HandlerSettings, needs: HandlerNeeds) {
  const { drRegions, awsPrincipals } = settings
  const { store, health, signer, timings } = needs
  const { kms, aws } = needs.kms
  const { recorder } = health
  const { holdSigner, openRecord } = signer
  const { countMs } = timings
  return {
    ...keyProviderHandlers({
      ...{ store, kms, drRegions, ...keyRequirements(settings, needs) },
      resolveAlias: aws.resolveAlias.bind(aws),
      onTested: (key, error) => keepTestOutcome({ store, recorder }, key, error),
      principals: async (region) => awsPrincipals ?? [await aws.ownPrincipal(region)],
    }),
    ...drDrillHandlers({
      ...{ store, holdSigner, openRecord, drRegions, countMs, clock: () => performance.now() },
      inRegion: aws.inRegion.bind(aws),
      findKeyAccess: (keyArn, tenantId) => getKeyAccess(store, tenantId, keyArn),
    }),
  }
}

function jobHandlers({
  store,
  kms: { kms },
  keyJobs: { startParts, threads, budget },
  timings: { censusMs, countMs },
  signer,
}: HandlerNeeds) {
  return {
    ...migrationHandlers({ store, startMigration: (...asked) => startMigration(startParts, ...asked) }),
    ...keyJobHandlers({ ...startParts, openRecord: signer.openRecord }),
    ...keyUseHandlers({
      planMigration: (tenantId, fingerprint) =>
        planMigration({ store, kms, threads, budget, censusMs, countMs }, tenantId, fingerprint),
      getKeyProviderUsage: (tenantId, fingerprint) =>
        getKeyProviderUsage({ store, countMs }, tenantId, fingerprint),
    }),
    ...tenantKeyHandlers(startParts, signer.publicKeys),
  }
}

function installationHandlers(
  { kmsMicroUsdPer10000, internalKmsName, signInByApiKey }: HandlerSettings,
  { store, rootKey, kms: { kms, kmsUsage }, callers, comeThroughStrangers, generations }: HandlerNeeds,
) {
  const keepRevocation = async (tenantId: string | undefined) =>
    tenantId === undefined ? generations?.keep('installation', '') : generations?.keep('guard', tenantId)
  return {
    ...usageHandlers({ store, flushKmsUsage: () => kmsUsage.flush(), kmsMicroUsdPer10000 }),
    ...signedInHandlers({ store, sessions: callers.sessions, byApiKey: signInByApiKey }),
    ...setupLinkHandlers({
      ...{ store, keepRevocation, originOf: callers.sessions.originOf },
      endApiKey: (apiKeyId) => {
        callers.end(apiKeyId)
      },
    }),
    ...apiKeyHandlers({ store, callers, comeThroughStrangers, keepRevocation }),
    ...operatorHandlers({
      store,
      kms,
      internalKeyArn: rootKeyArn(rootKey?.id ?? ''),
      internalKmsName: internalKmsName ?? spellings.defaultProviderName,
      internalKmsDescription: spellings.defaultProviderDescription,
      callers,
    }),
  }
}
