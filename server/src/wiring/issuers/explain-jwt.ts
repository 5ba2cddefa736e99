// The command `jwt explain`: says of one JWT what a server would do with it, and why. It opens no database.
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import { loadIssuersFile } from '../../issuers/file/reloaded-issuers.ts'
import type { Issuer } from '../../issuers/file/issuers-form.ts'
import { KeySetFault } from '../../issuers/keys/parse-jwks.ts'
import { createReadKeys } from '../../issuers/keys/read-keys.ts'
import { RefusedToken } from '../../issuers/tokens/refused-token.ts'
import { readJwt, type JsonObject } from '../../issuers/tokens/read-jwt.ts'
import { examineJwt, proveJwt } from '../../issuers/tokens/verify-jwt.ts'
import { machineNow } from '../../tls/machine-now.ts'
import { operatorFetch } from './operator-fetch.ts'
import type { IssuerSettings } from './open-issuers.ts'

export interface Explanation {
  isAccepted: boolean
  /** Nothing of the token but names, and what its mapping makes of it. */
  lines: string[]
}

/** @throws KeyholdError `ERR_CONFIG_INVALID` without a file of issuers, or for one that cannot be used */
export async function explainJwt(settings: IssuerSettings, text: string): Promise<Explanation> {
  if (settings.issuersFile === undefined) {
    throw new KeyholdError('ERR_CONFIG_INVALID', {
      message: 'Set KEYHOLD_ISSUERS_FILE to the file of issuers.',
    })
  }
  const { issuers } = await loadIssuersFile(settings.issuersFile)
  const fetch = operatorFetch(settings)
  const withKeys = issuers.map((issuer) => ({
    ...issuer,
    findKey: async (keyId: string) => (await createReadKeys(issuer, fetch)()).keys.get(keyId),
  }))
  const nowSeconds = machineNow() / 1_000
  const lines: string[] = []
  try {
    const jwt = examineJwt(text.trim(), { issuers: withKeys, ownIssuer: settings.issuerUrl }, nowSeconds)
    lines.push(`issuer: ${jwt.issuer.name} (${jwt.issuer.issuer})`, `subject: ${jwt.checked.subject}`)
    const { caller, index, expiresAtSeconds, boundTo } = await proveJwt(jwt)
    const { role, tenantId, scopeTexts, name = '', id } = caller
    lines.push(
      `mapping: /issuers/${issuers.findIndex((each: Issuer) => each.name === jwt.issuer.name)}/mappings/${index}`,
      `caller: ${id} (${name})`,
      `tenant: ${tenantId ?? (role === 'operator' ? 'none' : 'all')}`,
      `role: ${role}`,
      `scopes: ${scopeTexts === undefined ? 'all of the role' : scopeTexts.join(' ') || 'none'}`,
      `expires: ${new Date(expiresAtSeconds * 1_000).toISOString()}`,
      ...(boundTo === undefined ? [] : ['bound: its sender must show the certificate that it names']),
      'accepted, if there is such a tenant: that is not looked up here',
    )
    return { isAccepted: true, lines }
  } catch (error) {
    return { isAccepted: false, lines: [...lines, ...shownOf(text.trim()), `refused: ${reasonOf(error)}`] }
  }
}

const shownMembers = {
  header: ['alg', 'kid', 'typ'],
  claims: ['iss', 'sub', 'aud', 'azp', 'client_id', 'iat', 'exp'],
} as const

/** As it says of itself, whether or not that is true: in JSON, so that it sends a terminal no controls. */
function shownOf(token: string): string[] {
  let read
  try {
    read = readJwt(token)
  } catch {
    return []
  }
  const { header, claims } = read
  const shown = (from: JsonObject, names: readonly string[]) =>
    names.flatMap((name) => (from[name] === undefined ? [] : [`${name} ${shownText(from[name])}`]))
  const said = [...shown(header, shownMembers.header), ...shown(claims, shownMembers.claims)]
  return said.length === 0 ? [] : [`it says: ${said.join(', ')}`]
}

const unseen = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

function shownText(value: unknown): string {
  return JSON.stringify(value).replaceAll(unseen, '?')
}

function reasonOf(error: unknown): string {
  if (error instanceof RefusedToken) return `${error.message} (${error.refusal})`
  if (error instanceof KeySetFault) return `the keys of the issuer cannot be read: ${error.message}`
  if (isKeyholdError(error)) return `the keys of the issuer cannot be read: ${error.message} (${error.code})`
  if (error instanceof Error && 'syscall' in error) {
    return `the keys of the issuer cannot be read: ${error.message}`
  }
  throw error
}
