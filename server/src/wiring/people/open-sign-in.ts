// The sign-in with identity providers, by the file of issuers.
import type { Logger } from 'pino'
import { createTokenBuckets } from '../../access/token-buckets.ts'
import { createTellings } from '../../event-loop/tellings.ts'
import type { SignInProvider } from '../../issuers/file/issuers-form.ts'
import { openSignIn as open, type SignIn } from '../../people/sign-in/open-sign-in.ts'
import type { Store } from '../../store/store.ts'
import type { Closers } from '../close-all.ts'
import { later } from '../issuers/open-issuers.ts'
import { operatorFetch, type FetchSettings } from '../issuers/operator-fetch.ts'

export interface OpenedSignIn {
  signIn: SignIn
  /** Counts a call of an address, and answers in how many milliseconds it may come again; 0: now. */
  waitMsOf: (address: string) => number
}

interface SignInNeeds {
  store: Store
  replicas: () => number
  providers: () => readonly SignInProvider[]
}

const callsPerMinute = 60
const tellMs = 60_000
const mostInPeriod = 20

/** @param closers - receives the function that ends the looks at keys */
export function openSignIn(
  settings: FetchSettings,
  logger: Logger,
  { store, replicas, providers }: SignInNeeds,
  closers: Closers,
): OpenedSignIn {
  const clock = () => performance.now()
  const tellings = createTellings({ periodMs: tellMs, mostOfGroup: mostInPeriod, clock })
  const signIn = open({
    ...{ providers, store, clock, later, fetch: operatorFetch(settings) },
    onRefused(provider, error) {
      const { message, cause } = error as Error
      // A library's message names what is wrong, and never a code or a token.
      const why = cause instanceof Error ? `${message} ${cause.message}` : message
      if (tellings.ask(provider, why) !== 'no') logger.warn({ provider }, `a sign-in was refused: ${why}`)
    },
  })
  closers.push(() => {
    signIn.close()
    return Promise.resolve()
  })
  const buckets = createTokenBuckets({
    ...{ tokens: () => callsPerMinute / replicas(), windowMs: 60_000, clock },
  })
  return {
    signIn,
    waitMsOf(address) {
      const waitMs = buckets.waitMs(address)
      if (waitMs === 0) buckets.spend(address)
      return waitMs
    },
  }
}
