// Reads an identity provider of the file of issuers, with which people sign in.
import { algorithmNames } from '../algorithms.ts'
import type { SignInProvider } from './issuers-form.ts'
import {
  memberOf,
  PlaceFault,
  readFlag,
  readList,
  readMembers,
  readText,
  readTexts,
  required,
  type Place,
} from './json-places.ts'
import { isPlainText } from '../plain-text.ts'
import { mappingMembers, readMapping } from './read-mapping.ts'
import { fileText, issuerText, nameText, plain } from './text-rules.ts'

const maxMappings = 1_000
const services: readonly string[] = ['service', 'service-encrypt']
// Every token is checked for these, so that they tell no caller from another one.
const checkedClaims: readonly string[] = ['iss', 'aud', 'exp', 'nbf', 'iat', 'jti', 'nonce', 'cnf']

const providerMembers = [
  ...['name', 'label', 'issuer', 'clientId', 'clientSecretFile', 'caFile', 'algorithm', 'scopes'],
  ...['isMultiTenant', 'mappings'],
] as const

/** @throws PlaceFault */
export function readSignInProvider(place: Place): SignInProvider {
  const members = readMembers(place, providerMembers)
  const name = readText(required(members, 'name', place), nameText)
  const label = members('label')
  if (label !== undefined && !isPlainText(label.value, 64))
    throw new PlaceFault(label, 'a text of 1 to 64 characters')
  const issuer = required(members, 'issuer', place)
  const issuerUrl = readText(issuer, issuerText)
  if (!/^https:\/\/[^/?#]+[^?#]*$/.test(issuerUrl))
    throw new PlaceFault(issuer, 'a URL with https://, without a query')
  const [secretFile, caFile] = [members('clientSecretFile'), members('caFile')]
  const scopes = members('scopes')
  const isMultiTenant = readFlag(members('isMultiTenant'))
  return {
    ...{ name, issuer: issuerUrl, label: (label?.value as string | undefined) ?? name },
    clientId: readText(required(members, 'clientId', place), plain),
    clientSecretFile: secretFile && readText(secretFile, fileText),
    caFile: caFile && readText(caFile, fileText),
    algorithm: readAlgorithm(members('algorithm')),
    scopes: scopes === undefined ? ['profile'] : readTexts(scopes, plain, { min: 0, max: 20 }),
    mappings: readList(required(members, 'mappings', place), { min: 1, max: maxMappings }).map((each) => {
      const mapping = readMapping(each, readMembers(each, mappingMembers), {
        ...{ checkName: checkClaim, isMultiTenant },
      })
      if (services.includes(mapping.role)) {
        throw new PlaceFault(
          { pointer: memberOf(each, 'role') },
          'a role of people: a service calls with an API key, a JWT or a certificate',
        )
      }
      return mapping
    }),
  }
}

function readAlgorithm(place: Place | undefined): string {
  if (place === undefined) return 'RS256'
  const expects = `one of ${algorithmNames.join(', ')}`
  return readText(place, { max: 16, form: new RegExp(`^(?:${algorithmNames.join('|')})$`), expects })
}

/** @throws PlaceFault for a claim that every token is checked for */
export function checkClaim(name: string, place: Place): void {
  const claim = name.startsWith('/') ? (name.slice(1).split('/')[0] ?? '') : name
  if (claim === '')
    throw new PlaceFault(place, 'the name of a claim, or a JSON Pointer as /kubernetes.io/namespace')
  if (checkedClaims.includes(claim)) {
    throw new PlaceFault(
      place,
      'another claim: each token is checked for this one, and it tells no caller from another',
    )
  }
}
