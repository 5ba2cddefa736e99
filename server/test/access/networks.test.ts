// Networks in the form of CIDR, and the addresses in them.
import { expect, test } from 'vitest'
import { isNetwork, readNetworks } from '../../src/access/networks.ts'
import { readIpAddress } from '../../src/http/server/ip-address.ts'

test.each(['192.0.2.0/24', '0.0.0.0/0', '192.0.2.1', '2001:db8::/48', '::/0', '::1', '2001:db8::1/128'])(
  '%s is a network',
  (text) => {
    expect(isNetwork(text)).toBe(true)
  },
)

test.each([
  '',
  '/',
  '192.0.2.0/33',
  '192.0.2/24',
  '192.0.2.0/024',
  '192.0.2.0/',
  '::ffff:192.0.2.0/120',
  '::FFFF:c000:0200/120',
  '0:0:0:0:0:ffff:192.0.2.1',
  '0::ffff:c000:0201/128',
  'fe80::1%eth0',
  '::/129',
  'example.com',
  '192.0.2.0/24 ',
  '192.0.2.0/-1',
  '192.0.2.0/24/24',
])('%s is none', (text) => {
  expect(isNetwork(text)).toBe(false)
})

test('all addresses of one family are none of the other', () => {
  expect(readNetworks(['::/0'])('192.0.2.1')).toBe(false)
  expect(readNetworks(['::/64'])('192.0.2.1')).toBe(false)
  expect(readNetworks(['::/0'])('2001:db8:0:0:0:0:0:1')).toBe(true)
  expect(readNetworks(['0.0.0.0/0'])('2001:db8:0:0:0:0:0:1')).toBe(false)
})

test('an address is in a network whatever its spelling, and in none of the other family', () => {
  const isFrom = readNetworks(['192.0.2.0/24', '2001:db8::/48', '203.0.113.7'])
  const asked = (text: string) => isFrom(readIpAddress(text)?.text ?? '')
  for (const inside of ['192.0.2.255', '::ffff:192.0.2.1', '2001:db8:0::1', '2001:DB8::ffff', '203.0.113.7'])
    expect(asked(inside), inside).toBe(true)
  for (const outside of [
    '192.0.3.0',
    '::ffff:192.0.3.1',
    '2001:db8:1::1',
    '203.0.113.8',
    '',
    'x',
    '::192.0.2.1',
  ])
    expect(asked(outside), outside).toBe(false)
  expect(readNetworks(['0.0.0.0/0'])('2001:db8::1')).toBe(false)
  expect(readNetworks([])('192.0.2.1')).toBe(false)
})
