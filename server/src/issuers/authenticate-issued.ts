// From a JWT, or a certificate of a client, to the caller. Whatever is wrong with it, the sender gets one answer; the cause goes to
// `onRefused`. A key id that is invented costs a look at a map, and a signature that is wrong one verification: neither keeps anybody
// out whose signature holds, wherever he calls from. An address that has sent too many of them is told so.
import { KeyholdError } from '@keyhold/core'
import { LRUCache } from 'lru-cache'
import { hash } from 'node:crypto'
import type { Caller } from '../access/caller.ts'
import { createTokenBuckets } from '../access/token-buckets.ts'
import { tooManyOf, type UnknownKeysOptions } from '../access/unknown-keys.ts'
import { andThen } from '../event-loop/and-then.ts'
import { createSingleFlight } from '../event-loop/single-flight.ts'
import type { ClientCertificate } from '../tls/client-certificate.ts'
import type { CertificateMapping } from './file/issuers-form.ts'
import { createIssuedCallers, type IssuedCaller } from './issued-callers.ts'
import { mapCertificate } from './map-caller.ts'
import { leewaySeconds } from './tokens/check-token.ts'
import { RefusedToken, type RefusalCause } from './tokens/refused-token.ts'
import { examineJwt, proveJwt, type Trust } from './tokens/verify-jwt.ts'

/** Answers the certificate of the client, if it has shown one that is trusted. */
export type ShownCertificate = () => ClientCertificate | undefined

export interface IssuedAuthentication {
  /**
   * @param addressOf - answers what counts as one client; called only for a token whose signature does not hold
   * @throws KeyholdError `ERR_UNAUTHENTICATED`, `ERR_ISSUER_UNREACHABLE`, `ERR_TOO_MANY_UNKNOWN_KEYS`, also as rejections
   */
  ofJwt(token: string, addressOf: () => string, shown: ShownCertificate): Caller | Promise<Caller>
  /** @throws KeyholdError `ERR_UNAUTHENTICATED`, also as a rejection */
  ofCertificate(shown: ShownCertificate): Caller | Promise<Caller>
  /** Others are trusted from now on: what is held, and what was refused, counts for nothing. */
  clear(): void
}

/** One refusal, for the log and the metric. */
export interface Refused {
  refusal: RefusedToken
  credential: 'jwt' | 'certificate'
}

export interface IssuedOptions extends UnknownKeysOptions {
  trust: () => Trust & { certificates: readonly CertificateMapping[] }
  /** Is asked with each request, so that it should have what was confirmed a moment ago. */
  tenantExists: (tenantId: string) => boolean | Promise<boolean>
  onRefusedToken: (refused: Refused) => void
  /** Of the database, which all replicas share, or of this replica where that is far ahead. */
  now: () => Date
}

const msOfSecond = 1_000
const maxRefused = 10_000
const refusedMs = 5_000
// Anybody can send these without a token of the issuer. All other refusals are of tokens whose signature holds, or cost nothing.
const isInvented: ReadonlySet<RefusalCause> = new Set(['unknown-key', 'signature'])
const unauthenticated = () => new KeyholdError('ERR_UNAUTHENTICATED')

export function createIssuedAuthentication({
  trust,
  tenantExists,
  onRefusedToken,
  now,
  clock,
  perMinute,
  replicas,
  onRefused,
}: IssuedOptions): IssuedAuthentication {
  const held = createIssuedCallers(clock)
  const flights = createSingleFlight<IssuedCaller>()
  const refusedUntilMs = new LRUCache<string, number>({ maxSize: maxRefused, sizeCalculation: () => 1 })
  const addresses =
    perMinute === 0
      ? undefined
      : createTokenBuckets({ tokens: () => perMinute / replicas(), windowMs: 60_000, clock })
  const nowSeconds = () => now().getTime() / msOfSecond

  function refused(error: unknown, credential: Refused['credential']): Error {
    if (!(error instanceof RefusedToken)) return error as Error
    onRefusedToken({ refusal: error, credential })
    return unauthenticated()
  }

  /** @throws KeyholdError `ERR_TOO_MANY_UNKNOWN_KEYS` */
  function countInvented(address: string): void {
    const waitMs = addresses?.waitMs(address) ?? 0
    if (waitMs > 0) {
      onRefused()
      throw tooManyOf('JWTs that do not hold', waitMs)
    }
    addresses?.spend(address)
  }

  async function prove(token: string, name: string, addressOf: () => string): Promise<IssuedCaller> {
    const readAtMs = clock()
    const jwt = examineJwt(token, trust(), nowSeconds())
    try {
      const { caller, boundTo, expiresAtSeconds } = await proveJwt(jwt)
      const issued = { caller, boundTo, issuer: jwt.issuer.name, subject: jwt.checked.subject }
      held.hold(name, issued, readAtMs, (expiresAtSeconds + leewaySeconds - nowSeconds()) * msOfSecond)
      return issued
    } catch (error) {
      if (error instanceof RefusedToken) {
        // A key that nobody has seen may be there with the next reading.
        if (error.refusal !== 'unknown-key') refuseAgain(name, readAtMs)
        if (isInvented.has(error.refusal)) countInvented(addressOf())
        error.issuer = jwt.issuer.name
        // It is looked for with a signature that holds: nobody else fills the log with names.
        if (error.refusal === 'mapping' || error.refusal === 'tenant') error.subject = jwt.checked.subject
      }
      throw error
    }
  }

  function refuseAgain(name: string, readAtMs: number): void {
    if (held.areTrustedSince(readAtMs)) refusedUntilMs.set(name, clock() + refusedMs)
  }

  function admit(
    { caller, boundTo, issuer, subject }: IssuedCaller,
    shown: ShownCertificate,
    credential: Refused['credential'],
    name: string,
  ): Caller | Promise<Caller> {
    if (boundTo !== undefined && shown()?.thumbprint !== boundTo) {
      throw refused(
        new RefusedToken('binding', 'Its sender has not shown the certificate that it is bound to.'),
        credential,
      )
    }
    const { tenantId } = caller
    if (tenantId === undefined) return caller
    const readAtMs = clock()
    return andThen(tenantExists(tenantId), (exists) => {
      if (exists) return caller
      refuseAgain(name, readAtMs)
      const refusal = new RefusedToken('tenant', 'There is no such tenant, or it is being deleted.')
      throw refused(Object.assign(refusal, { issuer, subject }), credential)
    })
  }

  function ofNewCertificate(certificate: ClientCertificate, name: string): IssuedCaller {
    const readAtMs = clock()
    const { caller } = mapCertificate(trust().certificates, certificate)
    const issued = { caller, boundTo: undefined, issuer: undefined, subject: undefined }
    held.hold(name, issued, readAtMs, Infinity)
    return issued
  }

  function refuseRefused(name: string): void {
    if (clock() < (refusedUntilMs.get(name) ?? 0)) throw unauthenticated()
  }

  return {
    ofJwt(token, addressOf, shown) {
      const name = hash('sha256', token, 'base64')
      refuseRefused(name)
      const known = held.find(name)
      if (known !== undefined) return admit(known, shown, 'jwt', name)
      return flights
        .share(name, () =>
          prove(token, name, addressOf).catch((error: unknown) => {
            throw refused(error, 'jwt')
          }),
        )
        .then((issued) => admit(issued, shown, 'jwt', name))
    },

    ofCertificate(shown) {
      const certificate = shown()
      if (certificate === undefined) throw unauthenticated()
      // The issuer stands beside it: the CAs that are trusted may be others for the next connection.
      const name = `${certificate.issuer} ${certificate.thumbprint}`
      refuseRefused(name)
      try {
        return admit(held.find(name) ?? ofNewCertificate(certificate, name), shown, 'certificate', name)
      } catch (error) {
        throw refused(error, 'certificate')
      }
    },

    clear() {
      held.clear()
      refusedUntilMs.clear()
    },
  }
}
