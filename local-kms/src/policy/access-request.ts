// The question that policies answer: may this principal do this to that?
import type { RequestFacts } from './conditions.ts'
import type { Principal } from './principal.ts'

export interface AccessRequest {
  caller: Principal
  /** As in `kms:Decrypt`. */
  action: string
  /** The ARN acted on, or `*` for an action that concerns no single resource. */
  resource: string
  /** How a refusal calls the resource. Default: by its ARN. */
  shownAs?: string
  facts: RequestFacts
}
