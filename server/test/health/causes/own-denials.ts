// Policies over Keyhold's own principal in local-kms that deny the use of single keys, so that each tenant meets a denial of
// its own although all of them are called by one principal.
import type { LocalKms, NewGuardrails } from '@keyhold/local-kms'
import { keyholdAccount } from '../../../../testkit/src/server/start-test-server.ts'

/** The types of policies over a principal. */
export type OwnPolicyType = 'identity' | 'serviceControl' | 'permissionsBoundary' | 'session' | 'vpcEndpoint'

export interface OwnDenials {
  /** Of the key in all regions: a call that is late on a busy machine makes Keyhold ask another one. Answers what ends it. */
  deny(type: OwnPolicyType, keyArn: string): () => void
}

const principal = `arn:aws:iam::${keyholdAccount}:root`

export function createOwnDenials({ guardrails }: Pick<LocalKms, 'guardrails'>): OwnDenials {
  const denied = new Map<OwnPolicyType, Set<string>>()

  function put(): void {
    const policies: NewGuardrails = {}
    for (const [type, arns] of denied) {
      const everybody = type === 'vpcEndpoint' ? { Principal: '*' } : {}
      const statement = (Effect: string, Resource: string | string[]) => ({
        ...{ Effect, Action: '*', Resource },
        ...everybody,
      })
      policies[type] = {
        Statement: [statement('Allow', '*'), ...[...arns].map((arn) => statement('Deny', arn))],
      }
    }
    guardrails.put(principal, policies)
  }

  return {
    deny(type, keyArn) {
      const arns = denied.get(type) ?? new Set()
      const everywhere = keyArn.replace(/:kms:[^:]+:/, ':kms:*:')
      denied.set(type, arns.add(everywhere))
      put()
      return () => {
        arns.delete(everywhere)
        put()
      }
    },
  }
}
