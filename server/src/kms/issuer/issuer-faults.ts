// Tells apart what AWS STS says about an identity token. The customer's refusals lock; what is Keyhold's own fault, such as pages that
// AWS cannot fetch, locks nobody. AWS puts both into one exception, so that its words decide, and unknown words lock nobody.
import { KeyholdError } from '@keyhold/core'
import { fromAwsError } from '../errors/aws-kms-errors.ts'

/** Why a sign-in failed that was not the customer's refusal. */
export type IssuerFault = 'pages' | 'clock' | 'key' | 'unknown'

/** `refusedBy` in the details: AWS has not come to look at the role. */
export const identityProviderRefusal = 'identity-provider'

export const webIdentityAction = 'AssumeRoleWithWebIdentity'

const customersWords: readonly [beginning: RegExp, message: string][] = [
  [
    /^No OpenIDConnect provider found in your account for /i,
    "The account of the role has no identity provider for Keyhold's issuer: make it with the command that the policy prints.",
  ],
  [
    /^Incorrect token audience/i,
    "The identity provider for Keyhold's issuer does not list the client id sts.amazonaws.com in the account of the role.",
  ],
]

const ownWords: readonly [beginning: RegExp, fault: IssuerFault][] = [
  [/^Couldn't retrieve verification key from your identity provider/i, 'pages'],
]

const messages: Readonly<Record<IssuerFault, string>> = {
  pages:
    'AWS STS cannot fetch the public pages of KEYHOLD_ISSUER_URL, or does not find the signing key there: run "keyhold-server issuer check".',
  clock: 'AWS STS takes the identity token for expired or not valid yet: set the clock of the database.',
  key: 'No key of the issuer may sign now: see the log of this replica.',
  unknown:
    'AWS STS refuses the identity token in words that are not known: run "keyhold-server issuer check".',
}

/** Makes a Keyhold error of what the AWS SDK threw at a sign-in. */
export function explainSignIn(thrown: unknown, region: string): KeyholdError {
  const details = { action: webIdentityAction, region }
  if (!(thrown instanceof Error)) return fromAwsError(thrown, webIdentityAction, region)
  const name = thrown.name.replace(/Exception$/, '')
  switch (name) {
    case 'InvalidIdentityToken': {
      const said = thrown.message.trim()
      const customers = customersWords.find(([words]) => words.test(said))
      if (customers !== undefined)
        return new KeyholdError('ERR_KMS_DENIED', {
          ...{ message: customers[1], cause: thrown },
          details: { ...details, refusedBy: identityProviderRefusal },
        })
      return issuerFault(ownWords.find(([words]) => words.test(said))?.[1] ?? 'unknown', region, thrown)
    }
    case 'IDPCommunicationError':
      return issuerFault('pages', region, thrown)
    case 'ExpiredToken':
    case 'IDPRejectedClaim':
      return issuerFault('clock', region, thrown)
    default:
      return fromAwsError(thrown, webIdentityAction, region)
  }
}

export function issuerFault(fault: IssuerFault, region: string, cause?: unknown): KeyholdError {
  return new KeyholdError('ERR_KMS_ISSUER', {
    ...{ message: messages[fault], cause },
    details: { action: webIdentityAction, region, fault },
  })
}

/** Undefined: it is another error. */
export function issuerFaultIn({ code, details }: KeyholdError): string | undefined {
  return code === 'ERR_KMS_ISSUER' ? details.fault : undefined
}

/** Whether AWS may accept another token a moment later. */
export function deservesNewToken(thrown: unknown): boolean {
  return thrown instanceof Error && /^(ExpiredToken|IDPRejectedClaim)(Exception)?$/.test(thrown.name)
}
