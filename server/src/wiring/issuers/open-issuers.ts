// Callers for whom issuers vouch: the file of issuers, their keys, and the log of what was refused.
import type { Logger } from 'pino'
import type { HeldTenants } from '../../access/held-tenants.ts'
import { createIssuedAuthentication, type IssuedAuthentication } from '../../issuers/authenticate-issued.ts'
import { openIssuersFile } from '../../issuers/file/reloaded-issuers.ts'
import type { SignInProvider } from '../../issuers/file/issuers-form.ts'
import { createTrustedIssuers } from '../../issuers/trusted-issuers.ts'
import { createTellings } from '../../event-loop/tellings.ts'
import type { EventCounts } from '../../metrics/event-counts.ts'
import type { Settings } from '../../settings/read-settings.ts'
import { latestOf } from '../../store/database-clock.ts'
import type { Store } from '../../store/store.ts'
import type { Closers } from '../close-all.ts'
import { operatorFetch } from './operator-fetch.ts'

export type IssuerSettings = Pick<
  Settings,
  'issuersFile' | 'issuerUrl' | 'privateHosts' | 'nat64' | 'unknownKeysPerMinute'
>

export interface Issuers extends IssuedAuthentication {
  /** By the name of the issuer, in milliseconds. Where its keys were never read: since it is trusted. */
  keyAgesMs(): ReadonlyMap<string, number>
  isFileOutdated(): boolean
  /** The identity providers with which people sign in now. */
  signInProviders(): readonly SignInProvider[]
}

interface IssuerNeeds {
  store: Pick<Store, 'clock'>
  tenants: Pick<HeldTenants, 'exists'>
  events: EventCounts
  replicas: () => number
}

// One line for each cause, and no more of all of them, in a minute.
const tellMs = 60_000
const mostInPeriod = 20

/**
 * Undefined: there is no file of issuers, and API keys are the only callers.
 *
 * @param closers - receives the function that ends the looks at the file and at keys
 * @throws KeyholdError `ERR_CONFIG_INVALID` for a file that cannot be used
 */
export async function openIssuers(
  settings: IssuerSettings,
  logger: Logger,
  { store, tenants, events, replicas }: IssuerNeeds,
  closers: Closers,
): Promise<Issuers | undefined> {
  const { issuersFile: file, unknownKeysPerMinute } = settings
  if (file === undefined) return undefined
  const clock = () => performance.now()
  const trusted = createTrustedIssuers({
    ...{ fetch: operatorFetch(settings), clock, later },
    onKeys(name, error) {
      if (error === undefined) logger.info({ issuer: name }, 'the keys of an issuer can be read again')
      else {
        const { message } = error as Error
        logger.warn(
          { issuer: name },
          `the keys of an issuer cannot be read, and those before them serve for a day: ${message}`,
        )
      }
    },
  })
  const tellings = createTellings({ periodMs: tellMs, mostOfGroup: mostInPeriod, clock })
  const issued = createIssuedAuthentication({
    ...{ clock, replicas, perMinute: unknownKeysPerMinute },
    // Issuers keep the time of the world. Whoever sets the clock of the database back gives no token that has ended a second life.
    now: () => latestOf(store.clock, store.clock.now()),
    trust: () => ({
      issuers: trusted.issuers,
      certificates: trusted.certificates,
      ownIssuer: settings.issuerUrl,
    }),
    tenantExists: tenants.exists.bind(tenants),
    onRefused: () => {
      events.rateLimited('unknown-keys', 'address')
    },
    onRefusedToken({ refusal: { refusal, message, issuer, subject }, credential }) {
      events.tokenRefused(credential, refusal)
      const what = [refusal, message, issuer, subject].join(' ')
      if (tellings.ask(credential, what) === 'no') return
      logger.warn({ credential, cause: refusal, issuer, subject }, `a ${credential} was refused: ${message}`)
    },
  })
  let providers: readonly SignInProvider[] = []
  const reloaded = await openIssuersFile({
    file,
    onRead(issuers) {
      trusted.use(issuers)
      providers = issuers.signIn
      issued.clear()
      const names = issuers.issuers.map(({ name }) => name)
      logger.info(
        { issuers: names, certificates: issuers.certificates.length },
        'the file of issuers is in use',
      )
    },
    onKept(error) {
      logger.error(`the file of issuers cannot be used, and what was read before counts: ${error.message}`)
    },
  }).catch((error: unknown) => {
    trusted.close()
    throw error
  })
  closers.push(() => {
    reloaded.close()
    trusted.close()
    return Promise.resolve()
  })
  return {
    ...issued,
    keyAgesMs: trusted.keyAgesMs.bind(trusted),
    signInProviders: () => providers,
    isFileOutdated: reloaded.isOutdated.bind(reloaded),
  }
}

export function later(work: () => void, delayMs: number): () => void {
  const timer = setTimeout(work, delayMs).unref()
  return () => {
    clearTimeout(timer)
  }
}
