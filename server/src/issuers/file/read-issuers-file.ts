// Reads the text of the file of issuers: who is trusted to name callers. It is a file, and no table, so that whoever writes to the
// database can add nobody.
import { isKeyholdError } from '@keyhold/core'
import { parseJson } from '../../json/parse-json.ts'
import { algorithmNames, keyTypeOf } from '../algorithms.ts'
import type { CertificateMapping, Issuer, IssuersFile, KeySource } from './issuers-form.ts'
import {
  PlaceFault,
  readFlag,
  readList,
  readMembers,
  readText,
  readTexts,
  readWhole,
  required,
  type Members,
  type Place,
  type TextRules,
} from './json-places.ts'
import { mappingMembers, readMapping } from './read-mapping.ts'
import { checkClaim, readSignInProvider } from './read-sign-in-provider.ts'
import { fileText, httpsUrl, issuerText, nameText, plain } from './text-rules.ts'

const maxIssuers = 50
const maxMappings = 1_000
const maxProviders = 20
const maxLifetimeSeconds = 31_536_000
const usualLifetimeSeconds = 86_400

const typText: TextRules = {
  max: 64,
  form: /^[A-Za-z0-9.+-]+$/,
  expects: 'a type such as JWT or at+jwt, without application/',
}
const caText: TextRules = {
  max: 76,
  form: /^certificate:[0-9a-f]{64}$/,
  expects: 'certificate: and 64 hex digits',
}

const kindsOfNames: readonly string[] = ['uri', 'dns', 'email', 'ip']

/** @throws PlaceFault, which names what is wrong by a JSON Pointer */
export function readIssuersFile(bytes: Buffer): IssuersFile {
  const whole = { value: parse(bytes), pointer: '' }
  const members = readMembers(whole, ['issuers', 'certificates', 'signIn'])
  const issuers = listOf(members('issuers'), maxIssuers).map(readIssuer)
  const certificates = listOf(members('certificates'), maxMappings).map(readCertificate)
  refuseTwice(issuers, '/issuers')
  const signIn = listOf(members('signIn'), maxProviders).map(readSignInProvider)
  refuseTwice(signIn, '/signIn')
  return { issuers, certificates, signIn }
}

function refuseTwice(all: readonly { name: string; issuer: string }[], list: string): void {
  for (const [index, { name, issuer }] of all.entries()) {
    const others = all.slice(0, index)
    const pointer = `${list}/${index}`
    if (others.some((each) => each.name === name))
      throw new PlaceFault({ pointer: `${pointer}/name` }, 'no name twice')
    if (others.some((each) => each.issuer === issuer)) {
      throw new PlaceFault({ pointer: `${pointer}/issuer` }, 'no issuer twice')
    }
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return parseJson(bytes)
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    throw new PlaceFault(
      { pointer: '' },
      'JSON in UTF-8 without a byte order mark, and no name twice in an object',
    )
  }
}

function listOf(place: Place | undefined, max: number): Place[] {
  return place === undefined ? [] : readList(place, { min: 0, max })
}

const issuerMembers = [
  ...[
    'name',
    'issuer',
    'audiences',
    'algorithms',
    'jwksUrl',
    'discovery',
    'jwksFile',
    'caFile',
    'tokenFile',
    'typ',
  ],
  ...['authorizedParties', 'maxLifetimeSeconds', 'isMultiTenant', 'requireCertificateBinding', 'mappings'],
] as const

function readIssuer(place: Place): Issuer {
  const members = readMembers(place, issuerMembers)
  const text = (name: string, rules: TextRules) => {
    const member = members(name)
    return member && readText(member, rules)
  }
  const issuer = readText(required(members, 'issuer', place), issuerText)
  const isMultiTenant = readFlag(members('isMultiTenant'))
  const parties = members('authorizedParties')
  const lifetime = members('maxLifetimeSeconds')
  const keys = readKeySource(place, members, issuer)
  if (keys.kind === 'file') refuseForFile(members)
  return {
    ...{ issuer, keys },
    name: readText(required(members, 'name', place), nameText),
    audiences: readTexts(required(members, 'audiences', place), plain, { min: 1, max: 20 }),
    algorithms: readAlgorithms(required(members, 'algorithms', place)),
    caFile: text('caFile', fileText),
    tokenFile: text('tokenFile', fileText),
    typ: text('typ', typText)?.toLowerCase(),
    authorizedParties: parties && readTexts(parties, plain, { min: 1, max: 100 }),
    maxLifetimeSeconds:
      lifetime === undefined
        ? usualLifetimeSeconds
        : readWhole(lifetime, { min: 60, max: maxLifetimeSeconds }),
    requireCertificateBinding: readFlag(members('requireCertificateBinding')),
    mappings: readList(required(members, 'mappings', place), { min: 1, max: maxMappings }).map((mapping) =>
      readMapping(mapping, readMembers(mapping, mappingMembers), { checkName: checkClaim, isMultiTenant }),
    ),
  }
}

function refuseForFile(members: Members): void {
  const needless = members('caFile') ?? members('tokenFile')
  if (needless !== undefined) throw new PlaceFault(needless, 'not to be there: a file of keys needs neither')
}

function readAlgorithms(place: Place): string[] {
  const expects = `one of ${algorithmNames.join(', ')}`
  const form = new RegExp(`^(?:${algorithmNames.join('|')})$`)
  const algorithms = readTexts(place, { max: 16, form, expects }, { min: 1, max: 3 })
  if (keyTypeOf(algorithms) === undefined) {
    throw new PlaceFault(place, 'algorithms of one family: all RS, all PS, all ES, or EdDSA and Ed25519')
  }
  return algorithms
}

function readKeySource(place: Place, members: Members, issuer: string): KeySource {
  const [url, discovery, file] = [members('jwksUrl'), members('discovery'), members('jwksFile')]
  if ([url, discovery, file].filter((each) => each !== undefined).length !== 1) {
    throw new PlaceFault(place, 'exactly one of jwksUrl, discovery and jwksFile')
  }
  if (url !== undefined) return { kind: 'url', url: readText(url, httpsUrl) }
  if (file !== undefined) return { kind: 'file', file: readText(file, fileText) }
  if (discovery?.value !== true) throw new PlaceFault(discovery ?? place, 'true, or not to be there')
  if (!/^https:\/\/[^/?#]+[^?#]*$/.test(issuer)) {
    throw new PlaceFault(discovery, 'an issuer that is a URL with https://, without a query')
  }
  return { kind: 'discovery', url: `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration` }
}

function readCertificate(place: Place): CertificateMapping {
  const members = readMembers(place, mappingMembers)
  const match = members('match')
  const issuer = match && readMembers(match, ['issuer', ...kindsOfNames])('issuer')
  const mapping = readMapping(place, withoutIssuer(members, match), {
    checkName: () => undefined,
    isMultiTenant: false,
  })
  return { ...mapping, issuer: issuer && readText(issuer, caText) }
}

/** The issuer of a certificate is no name in it: who has any certificate of a CA is not one caller. */
function withoutIssuer(members: Members, match: Place | undefined): Members {
  if (match === undefined) return members
  const names = Object.fromEntries(
    Object.entries(match.value as object).filter(([name]) => name !== 'issuer'),
  )
  return (name) => (name === 'match' ? { pointer: match.pointer, value: names } : members(name))
}
