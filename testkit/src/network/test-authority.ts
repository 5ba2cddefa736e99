// A certificate authority for tests: it issues certificates of servers and clients, and revocation lists (RFC 5280).
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { bitString, der, integer, oid, pem, sequence, time } from './der.ts'

const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
const dayMs = 86_400_000

/** In PEM. */
export interface TestCertificate {
  key: string
  certificate: string
}

export interface IssuedCertificate extends TestCertificate {
  serial: number
}

/** The names of a certificate: host names, IPv4 addresses, and URIs, which have a `:`. */
export type TestNames = readonly string[]

export interface TestAuthority {
  /** In PEM. */
  certificate: string
  issue(names: TestNames, endsInMs?: number): IssuedCertificate
  /** A revocation list in PEM. */
  revoke(serials: readonly number[], nextUpdateInMs?: number): string
}

interface Signed {
  name: Buffer
  issuer: Buffer
  serial: number
  publicKey: KeyObject
  signingKey: KeyObject
  names: TestNames
  isAuthority: boolean
  endsInMs: number
}

export function createTestAuthority(commonName = 'keyhold test authority'): TestAuthority {
  const { privateKey: signingKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  // OpenSSL finds an authority by its name: two of one name would be taken for each other.
  const issuer = nameOf(`${commonName} ${randomBytes(4).toString('hex')}`)
  let serial = 1
  return {
    certificate: signCertificate({
      ...{ name: issuer, issuer, serial, publicKey, signingKey, names: [], isAuthority: true },
      endsInMs: 30 * dayMs,
    }),
    issue(names, endsInMs = dayMs) {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const own = ++serial
      return {
        serial: own,
        key: pemOf(pair.privateKey),
        certificate: signCertificate({
          ...{ name: nameOf('keyhold test'), issuer, serial: own, publicKey: pair.publicKey, signingKey },
          ...{ names, isAuthority: false, endsInMs },
        }),
      }
    },
    revoke(serials, nextUpdateInMs = dayMs) {
      const entries = serials.map((each) => sequence(integer(each), time(Date.now() - dayMs)))
      const list = sequence(
        integer(1),
        ecdsaWithSha256,
        issuer,
        time(Date.now() - dayMs),
        time(Date.now() + nextUpdateInMs),
        ...(entries.length === 0 ? [] : [sequence(...entries)]),
      )
      return pem('X509 CRL', signed(list, signingKey))
    },
  }
}

/** A certificate that signs itself. */
export function createTestCertificate(names: TestNames): TestCertificate {
  const { privateKey: signingKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = nameOf('keyhold test')
  const certificate = signCertificate({
    ...{ name, issuer: name, serial: 1, publicKey, signingKey, names, isAuthority: true, endsInMs: dayMs },
  })
  return { key: pemOf(signingKey), certificate }
}

function signCertificate(facts: Signed): string {
  const { name, issuer, serial, publicKey, signingKey, names, isAuthority, endsInMs } = facts
  const alternatives = sequence(...names.map(alternativeName))
  const constraints = sequence(...(isAuthority ? [der(0x01, Buffer.from([0xff]))] : []))
  const extensions = sequence(
    ...(names.length === 0 ? [] : [extension('551d11', alternatives)]),
    extension('551d13', constraints),
  )
  const content = sequence(
    der(0xa0, integer(2)),
    integer(serial),
    ecdsaWithSha256,
    issuer,
    sequence(time(Date.now() - dayMs), time(Date.now() + endsInMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  )
  return pem('CERTIFICATE', signed(content, signingKey))
}

function signed(content: Buffer, key: KeyObject): Buffer {
  return sequence(content, ecdsaWithSha256, bitString(sign('sha256', content, key)))
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(commonName)))))
}

function alternativeName(name: string): Buffer {
  if (isIPv4(name)) return der(0x87, Buffer.from(name.split('.').map(Number)))
  return der(name.includes(':') ? 0x86 : 0x82, Buffer.from(name, 'latin1'))
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), der(0x04, value))
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
