import type { Tier } from './rate-tiers.ts'
import type { Role } from './roles.ts'

/** `events`: a stream of server-sent events. */
export type ReplyKind = 'json' | 'nothing' | 'events'

/** One route. Paths are case-sensitive; `:name` stands for one segment. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  /** Who may call it: roles whose token is bound to the tenant that it acts on, or operators on the installation. */
  roles: readonly Role[]
  /** The permission that it needs of an API key which has scopes. */
  permission: string
  summary: string
  /** The kind of reply for each status of success. */
  replies: Readonly<Record<number, ReplyKind>>
  /** Every caller with one of the roles may call it, whatever its scopes: it tells a caller nothing but what it shows itself. */
  needsNoScope?: true
  /** It begins a session, and so takes an access token from a browser that has the cookie of an earlier one. */
  beginsSession?: true
  /** A person in a session must have signed in within the last minutes: what it does cannot be taken back, or makes access for others. */
  needsFreshSignIn?: true
  /** Only on the original's routes: the tier whose rate limit holds for them. */
  tier?: Tier
  /** The body is a list of items. Each is checked and answered on its own, so that a bad one never fails the others. */
  takesItems?: true
  /** Whether it locks a tenant: other requests use up neither its rate limit nor its connections. */
  isKillSwitch?: true
  /** The body may be left out: each of its members may. */
  mayLackBody?: true
  /** The body may also be one value as bytes (`application/octet-stream`); then the reply is bytes too. */
  takesOctets?: true
  /**
   * A failed call may be sent again although it is not a GET: it only reads, or leaves at most a data key behind that
   * nobody uses.
   */
  mayBeRepeated?: true
}
