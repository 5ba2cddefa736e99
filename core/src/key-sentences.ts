// The sentences about the state of a customer's key: each sentence by a code, with parameters, so that a page can say it in another
// language. Codes and names of parameters are part of the API; the English words are not. Pages in browsers load this file.
import { policyName } from './policy-names.ts'

/**
 * Whose turn it is: the operator of this installation, the people of the tenant (who locked it), whoever manages the tenant's key in its
 * KMS, AWS, or nobody.
 */
export const actingParties = ['operator', 'you', 'your-key', 'aws', 'nobody'] as const
export type ActingParty = (typeof actingParties)[number]

interface Cause {
  owner: Exclude<ActingParty, 'you'>
  text: string
}

/** A parameter of a sentence stands in braces: `{region}`. `{policy}` is a type of policies, as AWS names it. */
export const keyCauses = {
  'key-usable': { owner: 'nobody', text: 'AWS KMS lets Keyhold use the key.' },
  'key-denied': {
    owner: 'your-key',
    text: 'Neither the key policy nor a grant in {region} allows the use of the key to Keyhold for this tenant, or the key is gone: AWS KMS answers another account both alike.',
  },
  'key-call-denied': {
    owner: 'your-key',
    text: 'Neither the key policy nor a grant in {region} allows {call} to Keyhold for this tenant, or the key is gone: AWS KMS answers another account both alike.',
  },
  'role-not-assumed': {
    owner: 'your-key',
    text: 'Keyhold cannot assume the role through which the key is reached.',
  },
  'role-refuses-token': {
    owner: 'your-key',
    text: 'The role through which the key is reached, or its account, does not let Keyhold in.',
  },
  'resource-control-policy': {
    owner: 'your-key',
    text: "A resource control policy of the key's organisation does not allow the use of the key in {region} to Keyhold. It is not the key policy.",
  },
  'resource-control-policy-for-call': {
    owner: 'your-key',
    text: "A resource control policy of the key's organisation does not allow {call} in {region} to Keyhold. It is not the key policy.",
  },
  'other-policy': {
    owner: 'your-key',
    text: 'AWS names {policy} that does not allow the use of the key in {region}. It is not the key policy.',
  },
  'other-policy-for-call': {
    owner: 'your-key',
    text: 'AWS names {policy} that does not allow {call} in {region}. It is not the key policy.',
  },
  'key-disabled': { owner: 'your-key', text: 'The key is disabled in {region}.' },
  'key-pending-deletion': { owner: 'your-key', text: 'The key is scheduled for deletion in {region}.' },
  'key-not-found': { owner: 'your-key', text: 'AWS KMS answers that it has no such key in {region}.' },
  'no-replica': { owner: 'your-key', text: 'The key has no replica in {region} that Keyhold could see.' },
  'external-key-denied': {
    owner: 'your-key',
    text: 'The external key store of the key in {region} denies access to it. The key policy in AWS does not matter for that.',
  },
  'external-key-disabled': {
    owner: 'your-key',
    text: 'The key in {region} is disabled in its external key manager, not in AWS.',
  },
  'external-key-not-found': {
    owner: 'your-key',
    text: 'The external key manager has no such key as the key in {region} names.',
  },
  'key-store-unreachable': {
    owner: 'your-key',
    text: 'The custom key store of the key in {region} is not connected, does not answer, or answers in a way that AWS KMS does not understand.',
  },
  'key-store-throttled': {
    owner: 'your-key',
    text: 'The external key store of the key in {region} refuses more calls for now.',
  },
  'kms-throttled': { owner: 'aws', text: 'AWS KMS refuses more calls in {region} for now.' },
  'kms-slow': { owner: 'aws', text: 'AWS KMS does not answer in time in {region}.' },
  'kms-unreachable': { owner: 'aws', text: 'AWS KMS cannot be reached in {region}.' },
  'kms-fails': { owner: 'aws', text: 'AWS KMS fails in {region}.' },
  'own-proxy': {
    owner: 'operator',
    text: 'AWS KMS cannot be reached in {region}: the proxy of this installation gives no connection.',
  },
  'own-issuer': {
    owner: 'operator',
    text: 'AWS STS in {region} cannot check the identity token with which Keyhold signs in.',
  },
  'own-credentials': {
    owner: 'operator',
    text: "Keyhold's own credentials for AWS are not accepted in {region}, or cannot be read.",
  },
  'own-policy': {
    owner: 'operator',
    text: "A policy of Keyhold's own AWS account, {policy}, does not let Keyhold call {call} in {region}.",
  },
  'own-policy-unnamed': {
    owner: 'operator',
    text: "A policy of Keyhold's own AWS account, one of its kind, does not let Keyhold call {call} in {region}.",
  },
  'key-without-material': {
    owner: 'your-key',
    text: 'The key in {region} has no key material: what was imported was deleted or has expired.',
  },
  'key-not-ready': {
    owner: 'your-key',
    text: 'The key in {region} is in a state in which AWS KMS does not use it, such as while it is being made.',
  },
  'stored-key-damaged': {
    owner: 'operator',
    text: 'The key in {region} does not open what Keyhold has stored under it.',
  },
  'state-tampered': { owner: 'operator', text: 'The stored state is not as Keyhold wrote it.' },
  /** Of any other error: its code is `error`, and its summary says the rest. */
  'key-error': { owner: 'your-key', text: '{summary}' },
} as const satisfies Record<string, Cause>

export const keyAdvice = {
  none: '',
  'wait-for-kms': 'The key needs no change: Keyhold goes on by itself when AWS KMS answers again.',
  'restore-key-policy':
    'To give access back, put the policy that keyhold keyprovider policy prints into this region, or make the grant again that it prints with --format grants. Everything opens again by itself. A key that was deleted cannot be brought back.',
  'restore-trust-policy':
    'Have the trust policy of the role name Keyhold and ask for the external id of this tenant: keyhold keyprovider policy prints it.',
  'restore-identity-provider':
    "Give the account the identity provider for Keyhold's issuer, and the role the trust policy for this tenant: keyhold keyprovider policy prints both. Everything opens again by itself.",
  'change-resource-control-policy':
    'To give access back, let that resource control policy allow it. Everything opens again by itself.',
  'change-other-policy':
    'If Keyhold reaches the key through a role of yours, let that policy of your account allow it: everything opens again by itself. If not, ask the operator of this installation.',
  'enable-key': 'To give access back, enable the key. Everything opens again by itself.',
  'cancel-deletion':
    'Cancel the deletion and enable the key before the waiting period ends: after that, what it protects is lost for good.',
  'make-replica-again':
    'If it was deleted, what it protects cannot be opened any more. A replica that was deleted can be made again from its primary key.',
  'make-replica':
    'Make a replica of the key in {region}, where it is a multi-region key, with the policy that keyhold keyprovider policy prints. Then run keyhold keyprovider test.',
  'authorize-key-store':
    'To give access back, let the external key store proxy and the key manager behind it authorize AWS KMS for this key. Everything opens again by itself.',
  'enable-external-key':
    'To give access back, enable the key in the external key manager. Everything opens again by itself.',
  'restore-external-key':
    'If it was deleted there, what it protects cannot be opened any more. If it was moved, bring it back under the same external key id.',
  'connect-key-store':
    'The key needs no change: connect the key store, or see to its proxy or cluster. Keyhold goes on by itself when it answers again.',
  'enlarge-key-store':
    'The key needs no change: Keyhold goes on by itself when the key store answers again. Its proxy may be too small for the calls that it gets.',
  'operator-proxy':
    'The key needs no change: the operator of this installation must correct the proxy or the setting HTTPS_PROXY.',
  'operator-issuer':
    'The key needs no change: the operator of this installation must see to the public pages of its issuer.',
  'operator-credentials':
    'The key needs no change: the operator of this installation must correct the credentials, or enable the region in the account of Keyhold.',
  'operator-policy':
    'The key and its policy need no change: the operator of this installation must correct that policy.',
  'operator-stored-key': 'Ask the operator of this installation: a stored key may be damaged.',
  'operator-tampered': 'Test the key, and ask the operator of this installation.',
  'import-material':
    'To give access back, import the same key material again, into this region. Everything opens again by itself.',
  'look-up-state': 'Look up the state of the key in AWS. Everything opens by itself when the key is enabled.',
  'correct-key': 'The key is {state}: correct it in AWS.',
} as const satisfies Record<string, string>

export type KeyCauseCode = keyof typeof keyCauses
export type KeyAdviceCode = keyof typeof keyAdvice

export const keyCauseCodes = Object.keys(keyCauses) as KeyCauseCode[]
export const keyAdviceCodes = Object.keys(keyAdvice) as KeyAdviceCode[]

/** The sentences of an overview that are about no key. */
export const turnSentences = {
  'tenant-locked': 'The tenant is locked by its people: nothing is encrypted or decrypted.',
  'all-well': 'Everything is well, and nobody has to do anything.',
} as const

export type TurnCode = keyof typeof turnSentences

export const turnCodes = Object.keys(turnSentences) as TurnCode[]

export type SentenceParams = Readonly<Record<string, string>>

/** The sentence in English. */
export function sayCause(code: KeyCauseCode, params: SentenceParams): string {
  return fill(keyCauses[code].text, params)
}

/** The same of an advice; empty: there is nothing to do. */
export function sayAdvice(code: KeyAdviceCode, params: SentenceParams): string {
  return fill(keyAdvice[code], params)
}

function fill(template: string, params: SentenceParams): string {
  return template.replaceAll(/\{([a-z]+)\}/gi, (_, name: string) => {
    const value = params[name] ?? ''
    return name === 'policy' ? (policyName(value) ?? 'a policy') : value
  })
}
