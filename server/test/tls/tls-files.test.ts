// Files of TLS that cannot be used end the start, or change nothing, and the message says which one it is.
import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { isKeyholdError } from '@keyhold/core'
import { looseModeOf } from '../../src/settings/loose-mode.ts'
import { readSettings } from '../../src/settings/read-settings.ts'
import { readCrlTimes } from '../../src/tls/read-crl-times.ts'
import { openTls, type Tls, type TlsOptions } from '../../src/tls/reloaded-tls.ts'
import { createTlsContext, type TlsTexts } from '../../src/tls/tls-context.ts'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'

const authority = createTestAuthority()
const one = authority.issue(['a.example'])
const other = authority.issue(['b.example'], 3_600_000)
const rules = { minVersion: 'TLSv1.2', asksClients: true } as const
const good: TlsTexts = {
  certificate: one.certificate + authority.certificate,
  key: one.key,
  clientCa: authority.certificate,
  clientCrl: authority.revoke([7]),
}

test.each<[string, Partial<TlsTexts>, RegExp]>([
  ['the key of another certificate', { key: other.key }, /KEYHOLD_TLS_KEY_FILE is not the key/],
  ['no key', { key: 'x' }, /KEYHOLD_TLS_KEY_FILE holds no private key/],
  ['no certificate', { certificate: one.key }, /KEYHOLD_TLS_CERTIFICATE_FILE holds no whole/],
  ['half a certificate', { certificate: one.certificate.slice(0, 200) }, /CERTIFICATE_FILE holds no whole/],
  ['a broken one', { certificate: one.certificate.replace(/\n[^-\n]{9}/, '\n') }, /CERTIFICATE_FILE/],
  ['an empty file of authorities', { clientCa: '' }, /KEYHOLD_TLS_CLIENT_CA_FILE/],
  [
    'half of the authorities',
    { clientCa: authority.certificate + authority.certificate.slice(0, 99) },
    /CLIENT_CA/,
  ],
  ['an empty file of lists', { clientCrl: '\n' }, /KEYHOLD_TLS_CLIENT_CRL_FILE/],
  [
    'another thing than a list',
    { clientCrl: authority.certificate.replaceAll('CERTIFICATE', 'X509 CRL') },
    /CRL_FILE/,
  ],
])('%s is refused', (_what, texts, message) => {
  expect(() => createTlsContext({ ...good, ...texts }, rules)).toThrow(message)
})

test('the first end of each file is known', () => {
  const { ends, options } = createTlsContext({ ...good, ...other }, rules)
  const minutes = (ms: number | undefined) => Math.round(((ms ?? 0) - Date.now()) / 60_000)
  expect(minutes(ends.certificate?.endsAtMs)).toBe(60)
  expect(minutes(ends.clientCa?.endsAtMs)).toBe(30 * 1_440)
  expect(minutes(ends.clientCrl?.endsAtMs)).toBe(1_440)
  // The certificate holds for 25 hours, of which one is left; the authority for 31 days; the list for two days.
  expect(minutes(ends.certificate?.warnsAtMs)).toBe(60 - 300)
  expect(minutes(ends.clientCa?.warnsAtMs)).toBe(Math.round((30 - 31 / 5) * 1_440))
  expect(minutes(ends.clientCrl?.warnsAtMs)).toBe(Math.round((1 - 2 / 5) * 1_440))
  expect(options).toMatchObject({ minVersion: 'TLSv1.2', requestCert: true, rejectUnauthorized: false })
})

test('without authorities of its own no public one is trusted for clients', () => {
  const { certificate, key } = good
  expect(createTlsContext({ certificate, key }, { ...rules, asksClients: false }).options.ca).toEqual([])
})

test.each(['', 'x', '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----', authority.certificate])(
  'no date is read from what is no list',
  (pem) => {
    expect(readCrlTimes(pem)).toBeUndefined()
  },
)

test.each<[Record<string, string>, RegExp]>([
  [
    { KEYHOLD_TLS_CERTIFICATE_FILE: 'a' },
    /CERTIFICATE_FILE expects KEYHOLD_TLS_KEY_FILE beside it, or neither/,
  ],
  [{ KEYHOLD_TLS_KEY_FILE: 'a' }, /CERTIFICATE_FILE expects KEYHOLD_TLS_KEY_FILE beside it, or neither/],
  [{ KEYHOLD_TLS_CLIENT_CA_FILE: 'a' }, /CLIENT_CA_FILE expects KEYHOLD_TLS_CERTIFICATE_FILE beside it/],
  [{ KEYHOLD_TLS_CLIENT_CRL_FILE: 'a' }, /CLIENT_CRL_FILE expects KEYHOLD_TLS_CLIENT_CA_FILE beside it/],
  [{ KEYHOLD_TLS_CLIENT_CERTIFICATES: 'required' }, /CERTIFICATES expects KEYHOLD_TLS_CLIENT_CA_FILE beside/],
  [{ KEYHOLD_TLS_MIN_VERSION: '1.1' }, /expects 1\.2 or 1\.3/],
  [{ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, /NODE_TLS_REJECT_UNAUTHORIZED expects not to be 0/],
])('%j is refused', (environment, message) => {
  expect(() => readSettings(environment)).toThrow(message)
})

describe('while it serves', () => {
  let folder: string
  let tls: Tls
  const onKept = vi.fn<TlsOptions['onKept']>()
  const onReloaded = vi.fn<TlsOptions['onReloaded']>()
  const certificate = () => path.join(folder, 'tls.crt')
  const key = () => path.join(folder, 'tls.key')

  async function put(file: string, text: string): Promise<void> {
    await writeFile(`${file}.new`, text, { mode: 0o600 })
    await rename(`${file}.new`, file)
  }

  function options(): TlsOptions {
    return {
      places: { certificate: certificate(), key: key() },
      ...{ minVersion: 'TLSv1.2', clientCertificates: 'none', looseModeOf, onKept, onReloaded },
      onPlainHttp: () => undefined,
    }
  }

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'keyhold-tls-'))
    await put(certificate(), one.certificate)
    await put(key(), one.key)
    tls = await openTls(options())
  })
  afterAll(async () => {
    tls.close()
    await rm(folder, { recursive: true })
  })

  test('a new pair is used, and of a pair in the making nothing', async () => {
    await put(certificate(), other.certificate)
    await vi.waitFor(() => {
      expect(tls.isOutdated()).toBe(true)
    }, 5_000)
    expect(onKept).toHaveBeenCalledOnce()
    expect(tls.options.cert).toContain(one.certificate.slice(40, 400))
    await put(key(), other.key)
    await vi.waitFor(() => {
      expect(onReloaded).toHaveBeenCalledOnce()
    }, 5_000)
    expect(tls.isOutdated()).toBe(false)
    expect(tls.options.cert).toContain(other.certificate.slice(40, 400))
  })

  test('a key that others may read is refused', async () => {
    await chmod(key(), 0o644)
    await expect(openTls(options())).rejects.toSatisfy((error) => isKeyholdError(error, 'ERR_CONFIG_INVALID'))
    await expect(openTls(options())).rejects.toThrow(/0644/)
    await chmod(key(), 0o600)
  })

  test.each([
    ['is missing', () => path.join(folder, 'none')],
    ['is a folder', () => folder],
  ])('a file that %s is named', async (_what, place) => {
    const places = { certificate: place(), key: key() }
    await expect(openTls({ ...options(), places })).rejects.toThrow(/of KEYHOLD_TLS_CERTIFICATE_FILE/)
  })
})
