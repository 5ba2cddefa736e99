// The policies around a principal that only limit: they give nothing, and a refusal names their type.
import type { AccessRequest } from './access-request.ts'
import { deniedBy, notAllowed } from './denial.ts'
import { type Guardrails, guardrailTypes } from './guardrail-types.ts'
import type { Policy } from './parse-policy.ts'
import { policyEffect, resourceEffect } from './policy-effect.ts'

// AWS attaches its policy that allows everything beside policies of these types until somebody detaches it.
const beside: readonly (keyof Guardrails)[] = ['serviceControl', 'resourceControl']

/** @throws KmsError AccessDeniedException that names the first type of policy with an explicit deny */
export function refuseDeniedByGuardrails(request: AccessRequest): void {
  for (const type of guardrailTypes) {
    if (effectOf(type, request) === 'Deny') throw deniedBy(request, type)
  }
}

/** @throws KmsError AccessDeniedException that names the first of `types` whose policy does not allow the request */
export function requireGuardrails(request: AccessRequest, types: readonly (keyof Guardrails)[]): void {
  for (const type of types) {
    if (effectOf(type, request) === undefined) throw notAllowed(request, type)
  }
}

function effectOf(type: keyof Guardrails, request: AccessRequest): 'Allow' | 'Deny' | undefined {
  const policy = request.caller.guardrails?.[type]
  if (policy === undefined) return 'Allow'
  const effect =
    type === 'resourceControl' || type === 'vpcEndpoint'
      ? named(policy, request)
      : policyEffect(policy, request)
  const onlyDenies = policy.every((statement) => statement.effect === 'Deny')
  return effect ?? (onlyDenies && beside.includes(type) ? 'Allow' : undefined)
}

function named(policy: Policy, request: AccessRequest): 'Allow' | 'Deny' | undefined {
  const effect = resourceEffect(policy, request)
  if (effect === 'Deny') return 'Deny'
  return effect.size > 0 ? 'Allow' : undefined
}
