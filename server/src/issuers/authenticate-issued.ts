// From a JWT, or a certificate of a client, to the caller. Whatever is wrong with it, the sender gets one answer; the cause goes to
// `onRefused`. A token whose signature was found wrong a moment ago costs a hash, and an address may send only so many of them.
import { KeyholdError } from '@keyhold/core'
import { hash } from 'node:crypto'
import type { Caller } from '../access/caller.ts'
import { createUnknownKeys, type UnknownKeysOptions } from '../access/unknown-keys.ts'
import { createSingleFlight } from '../event-loop/single-flight.ts'
import type { ClientCertificate } from '../tls/client-certificate.ts'
import type { CertificateMapping } from './file/issuers-form.ts'
import { createIssuedCallers, type IssuedCaller, type IssuedCallers } from './issued-callers.ts'
import { mapCertificate } from './map-caller.ts'
import { leewaySeconds } from './tokens/check-token.ts'
import { RefusedToken } from './tokens/refused-token.ts'
import { examineJwt, proveJwt, type Trust } from './tokens/verify-jwt.ts'

/** Answers the certificate of the client, if it has shown one that is trusted. */
export type ShownCertificate = () => ClientCertificate | undefined

export interface IssuedAuthentication extends Pick<IssuedCallers, 'endTenant' | 'clear'> {
  /**
   * @param addressOf - answers what counts as one client; not called for a token that is held
   * @throws KeyholdError `ERR_UNAUTHENTICATED`, `ERR_ISSUER_UNREACHABLE`, `ERR_TOO_MANY_UNKNOWN_KEYS`, also as rejections
   */
  ofJwt(token: string, addressOf: () => string, shown: ShownCertificate): Caller | Promise<Caller>
  /** @throws KeyholdError `ERR_UNAUTHENTICATED`, also as a rejection */
  ofCertificate(shown: ShownCertificate): Caller | Promise<Caller>
}

/** One refusal, for the log and the metric. */
export interface Refused {
  refusal: RefusedToken
  credential: 'jwt' | 'certificate'
}

export interface IssuedOptions extends UnknownKeysOptions {
  trust: () => Trust & { certificates: readonly CertificateMapping[] }
  tenantExists: (tenantId: string) => Promise<boolean>
  onRefusedToken: (refused: Refused) => void
  /** Of the database, which all replicas share, or of this replica where that is far ahead. */
  now: () => Date
}

const msOfSecond = 1_000
const unauthenticated = () => new KeyholdError('ERR_UNAUTHENTICATED')

export function createIssuedAuthentication({
  trust,
  tenantExists,
  onRefusedToken,
  now,
  clock,
  ...options
}: IssuedOptions): IssuedAuthentication {
  const held = createIssuedCallers(clock)
  const flights = createSingleFlight<IssuedCaller>()
  const unproven = createUnknownKeys({ called: 'JWTs that do not hold', clock, ...options })
  const nowSeconds = () => now().getTime() / msOfSecond

  function refused(error: unknown, credential: Refused['credential']): Error {
    if (!(error instanceof RefusedToken)) return error as Error
    onRefusedToken({ refusal: error, credential })
    return unauthenticated()
  }

  async function confirmTenant({ tenantId }: Caller): Promise<void> {
    if (tenantId === undefined || (await tenantExists(tenantId))) return
    throw new RefusedToken('tenant', 'There is no such tenant, or it is being deleted.')
  }

  async function prove(token: string, name: string, address: string): Promise<IssuedCaller> {
    const readAtMs = clock()
    const jwt = examineJwt(token, trust(), nowSeconds())
    const end = unproven.isKnownGood(name) ? () => undefined : await unproven.begin(name, address)
    try {
      const { caller, boundTo, expiresAtSeconds } = await proveJwt(jwt)
      await confirmTenant(caller)
      unproven.wasFound(name)
      const issued = { caller, boundTo }
      held.hold(name, issued, readAtMs, (expiresAtSeconds + leewaySeconds - nowSeconds()) * msOfSecond)
      return issued
    } catch (error) {
      if (error instanceof RefusedToken) {
        unproven.wasNotFound(name, address)
        error.issuer = jwt.issuer.name
        // Both are looked for with a signature that holds: nobody else fills the log with names.
        if (error.refusal === 'mapping' || error.refusal === 'tenant') error.subject = jwt.checked.subject
      }
      throw error
    } finally {
      end()
    }
  }

  function admit({ caller, boundTo }: IssuedCaller, shown: ShownCertificate): Caller {
    if (boundTo === undefined || shown()?.thumbprint === boundTo) return caller
    throw refused(
      new RefusedToken('binding', 'Its sender has not shown the certificate that it is bound to.'),
      'jwt',
    )
  }

  async function ofNewCertificate(certificate: ClientCertificate, name: string): Promise<Caller> {
    const readAtMs = clock()
    const { caller } = mapCertificate(trust().certificates, certificate)
    await confirmTenant(caller)
    held.hold(name, { caller, boundTo: undefined }, readAtMs, Infinity)
    return caller
  }

  return {
    ofJwt(token, addressOf, shown) {
      const name = hash('sha256', token, 'base64')
      const known = held.find(name)
      if (known !== undefined) return admit(known, shown)
      return flights
        .share(name, () =>
          prove(token, name, addressOf()).catch((error: unknown) => {
            throw refused(error, 'jwt')
          }),
        )
        .then((issued) => admit(issued, shown))
    },

    ofCertificate(shown) {
      const certificate = shown()
      if (certificate === undefined) throw unauthenticated()
      // The issuer stands beside it: the CAs that are trusted may be others for the next connection.
      const name = `${certificate.issuer} ${certificate.thumbprint}`
      const known = held.find(name)
      if (known !== undefined) return known.caller
      return ofNewCertificate(certificate, name).catch((error: unknown) => {
        throw refused(error, 'certificate')
      })
    },

    endTenant: held.endTenant.bind(held),
    clear: held.clear.bind(held),
  }
}
