// Why a JWT, or a certificate, names no caller. The sender learns none of it: the cause is for the log, the metric and
// `keyhold-server jwt explain`.

export const refusalCauses = [
  ...([
    'malformed',
    'issuer',
    'own-issuer',
    'algorithm',
    'key-id',
    'type',
    'audience',
    'time',
    'lifetime',
  ] as const),
  ...(['claims', 'id-token', 'authorized-party', 'unknown-key', 'signature', 'binding', 'mapping'] as const),
  'tenant' as const,
]

export type RefusalCause = (typeof refusalCauses)[number]

export class RefusedToken extends Error {
  readonly refusal: RefusalCause
  /** The name of its issuer in the file of issuers, where one was found. */
  issuer?: string
  /** Its `sub`, where the signature holds. */
  subject?: string

  /** @param why - a sentence without anything of the token but names of claims */
  constructor(refusal: RefusalCause, why: string) {
    super(why)
    this.refusal = refusal
  }
}
