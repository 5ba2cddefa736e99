// The policies that limit principals besides their identity policies, and the values of condition keys that their requests have.
// They live in memory; those of the principals file come back with each start.
import { findUnknownMember, isJsonObject, type JsonObject } from '../json-object.ts'
import { type Guardrails, guardrailTypes, type PolicyArns } from '../policy/guardrail-types.ts'
import { parsePolicy, type Policy } from '../policy/parse-policy.ts'
import type { Principal } from '../policy/principal.ts'

/** Policies, as objects. All of them may be absent. */
export interface NewGuardrails {
  /** Replaces the identity policy that the principal has. */
  identity?: unknown
  /** A policy with only Deny statements stands beside AWS's own that allows everything. */
  serviceControl?: unknown
  /** As `serviceControl`, with a Principal: it is over the keys that the principal uses, whoever owns them. */
  resourceControl?: unknown
  /** With a Principal. */
  vpcEndpoint?: unknown
  permissionsBoundary?: unknown
  session?: unknown
  /** By types of policies: AWS adds the ARN of the policy that denies, in one account or organisation. Default: none. */
  policyArns?: PolicyArns | undefined
  /** By names of condition keys, as in `{ "aws:SourceIp": "203.0.113.7", "kms:ViaService": [] }`. */
  conditionKeys?: Readonly<Record<string, string | readonly string[]>> | undefined
}

const policyTypes = ['identity', ...guardrailTypes]

export interface GuardrailTable {
  /**
   * Replaces what the principal with this ARN has. For sessions, the ARN of their role counts as well.
   *
   * @throws KmsError when a policy is malformed
   */
  put(arn: string, guardrails: NewGuardrails): void
  /** Answers whether there was anything. */
  delete(arn: string): boolean
  /** The principal with what is put for it. */
  surround<T extends Principal>(principal: T): T
}

/**
 * Reads the members of JSON.
 *
 * @throws TypeError that names a misspelt member
 */
export function parseNewGuardrails(members: JsonObject): NewGuardrails {
  const { conditionKeys, policyArns, ...policies } = members
  const unknown = findUnknownMember(policies, policyTypes)
  if (unknown !== undefined) {
    throw new TypeError(`"${unknown}" expected one of ${policyTypes.join(', ')}, conditionKeys, policyArns`)
  }
  return {
    ...policies,
    policyArns: parsePolicyArns(policyArns),
    conditionKeys: parseConditionKeys(conditionKeys),
  }
}

function parsePolicyArns(value: unknown): PolicyArns | undefined {
  if (value === undefined) return undefined
  const isValid =
    isJsonObject(value) &&
    findUnknownMember(value, policyTypes) === undefined &&
    Object.values(value).every((arn) => typeof arn === 'string')
  if (!isValid) throw new TypeError(`"policyArns" expected texts by ${policyTypes.join(', ')}`)
  return value
}

function parseConditionKeys(value: unknown): NewGuardrails['conditionKeys'] {
  if (value === undefined) return undefined
  if (!isJsonObject(value) || !Object.values(value).every(isTexts)) {
    throw new TypeError('"conditionKeys" expected texts or lists of texts by names of condition keys')
  }
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string | string[]] => isTexts(entry[1])),
  )
}

function isTexts(value: unknown): value is string | string[] {
  return typeof value === 'string' || (Array.isArray(value) && value.every((one) => typeof one === 'string'))
}

type Parsed = Pick<Principal, 'guardrails' | 'facts' | 'identityPolicy' | 'policyArns'>

export function createGuardrails(): GuardrailTable {
  const table = new Map<string, Parsed>()
  return {
    put(arn, guardrails) {
      table.set(arn, parseGuardrails(guardrails))
    },
    delete: (arn) => table.delete(arn),
    surround(principal) {
      const found = table.get(principal.arn) ?? table.get(principal.roleArn ?? '')
      if (found === undefined) return principal
      return {
        ...principal,
        facts: { ...principal.facts, ...found.facts },
        policyArns: found.policyArns,
        identityPolicy: found.identityPolicy ?? principal.identityPolicy,
        // A session's own policy came with AssumeRole.
        guardrails: { ...found.guardrails, ...principal.guardrails },
      }
    },
  }
}

function parseGuardrails({ conditionKeys = {}, policyArns, identity, ...policies }: NewGuardrails): Parsed {
  const guardrails: Guardrails = {}
  for (const type of guardrailTypes) guardrails[type] = parse(policies[type], type)
  const facts = Object.entries(conditionKeys).map(([key, values]): [string, readonly string[]] => [
    key.toLowerCase(),
    typeof values === 'string' ? [values] : values,
  ])
  return {
    guardrails,
    policyArns,
    facts: Object.fromEntries(facts),
    identityPolicy: identity === undefined ? undefined : parsePolicy(JSON.stringify(identity), 'identity'),
  }
}

function parse(policy: unknown, type: keyof Guardrails): Policy | undefined {
  if (policy === undefined) return undefined
  const hasPrincipals = type === 'resourceControl' || type === 'vpcEndpoint'
  return parsePolicy(JSON.stringify(policy), hasPrincipals ? 'resource' : 'identity')
}
