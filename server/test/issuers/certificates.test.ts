// Certificates of clients name callers by all names that a mapping asks for, and by the CA where it asks for one.
import { expect, test } from 'vitest'
import { readIssuersFile } from '../../src/issuers/file/read-issuers-file.ts'
import { mapCertificate } from '../../src/issuers/map-caller.ts'
import { RefusedToken } from '../../src/issuers/tokens/refused-token.ts'

const ca = `certificate:${'a'.repeat(64)}`
const acme = { tenant: { const: 'acme' }, role: 'service' }
const { certificates } = readIssuersFile(
  Buffer.from(
    JSON.stringify({
      certificates: [
        { match: { issuer: ca, dns: 'ledger.example' }, ...acme, name: 'ledger' },
        { match: { dns: 'pay.example', uri: { prefix: 'spiffe://example.org/' } }, ...acme },
        { match: { uri: ['spiffe://example.org/ops'] }, role: 'operator' },
      ],
    }),
  ),
)

const map = (names: Partial<Record<'dns' | 'uri' | 'email' | 'ip', string[]>>, issuer = ca) =>
  mapCertificate(certificates, {
    issuer,
    names: { dns: [], uri: [], email: [], ip: [], ...names },
    thumbprint: 't',
  })

test('of the CA that is asked for', () => {
  expect(map({ dns: ['x', 'ledger.example'] })).toMatchObject({
    index: 0,
    caller: {
      kind: 'certificate',
      id: `${ca}#dns:ledger.example`,
      name: 'ledger',
      role: 'service',
      tenantId: 'acme',
    },
  })
  expect(() => map({ dns: ['ledger.example'] }, `certificate:${'b'.repeat(64)}`)).toThrow(RefusedToken)
})

test('with all names that are asked for', () => {
  const both = map({ dns: ['pay.example'], uri: ['spiffe://example.org/pay'] })
  expect(both).toMatchObject({ index: 1, caller: { id: `${ca}#dns:pay.example`, name: 'dns:pay.example' } })
  expect(() => map({ dns: ['pay.example'] })).toThrow(RefusedToken)
  expect(() => map({ uri: ['spiffe://example.org/pay'] })).toThrow(RefusedToken)
  expect(() => map({ dns: ['pay.example'], uri: ['spiffe://example.org/'] })).toThrow(RefusedToken)
})

test('by names of their kind alone', () => {
  expect(map({ uri: ['spiffe://example.org/ops'] })).toMatchObject({
    index: 2,
    caller: { role: 'operator', tenantId: undefined },
  })
  expect(() => map({ dns: ['spiffe://example.org/ops'] })).toThrow(RefusedToken)
})
