// Compares warm `POST encrypt` over TLS, with a JWT and with a certificate of the client, with the same over plain HTTP with an API key:
// the cost of each way to call, once connections stand.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createTestAuthority } from '../../../../testkit/src/network/test-authority.ts'
import { audience, createTestIssuer, issuerUrl } from '../../../../testkit/src/network/test-issuer.ts'
import { trustAuthority } from '../../../../testkit/src/network/trust-authority.ts'
import { startKeyholdProcess, type KeyholdProcess } from '../../../../testkit/src/process/keyhold-process.ts'
import { createTenant } from '../../../../testkit/src/tenants/create-tenant.ts'
import { orSkip, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import { startHelper } from './helper-process.ts'
import { interleaveLoad, type Side } from './interleave-load.ts'
import type { LoadOrder } from './load.ts'

const plaintext = Buffer.alloc(1_024, 'a value that repeats itself ').toString('base64')
const loads = [
  { size: 'one value of 1 KiB', itemsPerRequest: 1, connections: 50 },
  { size: '100 values of 1 KiB', itemsPerRequest: 100, connections: 8 },
]
const tenantId = 'bench'
const clientName = 'spiffe://example.org/bench'

export async function compareCallers(sizes: Sizes, report: Report): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-callers-'))
  const put = async (name: string, text: string) => {
    await writeFile(path.join(folder, name), text, { mode: 0o600 })
    return path.join(folder, name)
  }
  const authority = createTestAuthority()
  const served = authority.issue(['127.0.0.1'])
  const client = authority.issue([clientName])
  const issuer = await createTestIssuer('k', 'RS256')
  const mapping = { role: 'service', tenant: { const: tenantId } }
  const listed = {
    ...{ name: 'bench', issuer: issuerUrl, audiences: [audience], algorithms: ['RS256'] },
    ...{ jwksFile: await put('jwks', issuer.jwks), mappings: [{ match: { sub: 'bench' }, ...mapping }] },
  }
  const certificates = [{ match: { uri: clientName }, ...mapping }]
  const settings = {
    KEYHOLD_ISSUERS_FILE: await put('issuers', JSON.stringify({ issuers: [listed], certificates })),
  }
  const distrust = trustAuthority(authority.certificate)
  const plain = await startKeyholdProcess({ settings })
  const secure = await startKeyholdProcess({
    settings: {
      ...settings,
      KEYHOLD_TLS_CERTIFICATE_FILE: await put('tls.crt', served.certificate),
      KEYHOLD_TLS_KEY_FILE: await put('tls.key', served.key),
      KEYHOLD_TLS_CLIENT_CA_FILE: await put('ca.crt', authority.certificate),
    },
  })
  const load = startHelper('load-process.ts')
  try {
    const [plainKey, secureKey] = [await keyOf(plain), await keyOf(secure)]
    const pod = { namespace: 'bench', pod: { name: 'bench-0', uid: 'a'.repeat(36) } }
    const exp = Math.floor(Date.now() / 1_000) + 7_200
    const jwt = await issuer.sign({ sub: 'bench', exp, 'kubernetes.io': pod })
    for (const { size, itemsPerRequest, connections } of loads) {
      const body = JSON.stringify({ items: Array.from({ length: itemsPerRequest }, () => ({ plaintext })) })
      const side = (
        name: string,
        { url, pid }: KeyholdProcess,
        token: string | undefined,
        shown?: LoadOrder['certificate'],
      ): Side => ({
        ...{ name, pid },
        order: {
          ...{ url, path: '/api/v1/encryption/encrypt', body, connections },
          headers: {
            'content-type': 'application/json',
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
          },
          ...(shown && { certificate: shown }),
        },
      })
      const what = `POST encrypt, ${size}`
      const sides: [Side, ...Side[]] = [
        side('API key over plain HTTP', plain, plainKey),
        side('JWT over plain HTTP', plain, jwt),
        side('API key over TLS', secure, secureKey),
        side('JWT over TLS', secure, jwt),
        side('certificate over TLS', secure, undefined, client),
      ]
      await orSkip(what, report, () => interleaveLoad(what, sides, load, sizes))
    }
  } finally {
    await Promise.all([load.stop(), plain.stop(), secure.stop()])
    distrust()
    await rm(folder, { recursive: true })
  }
}

async function keyOf({ url, operatorToken }: KeyholdProcess): Promise<string> {
  return (await createTenant(url, operatorToken, tenantId)).serviceToken
}
