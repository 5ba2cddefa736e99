// Which address a request counts for: never one that the client could choose.
import type { IncomingHttpHeaders } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createClientAddress, createIsProxy } from '../../../src/http/server/client-address.ts'
import { parseNetworks } from '../../../src/settings/parse-networks.ts'

const address = (trusted: string, peer: string | undefined, headers: IncomingHttpHeaders = {}) =>
  createClientAddress(createIsProxy(trusted === '' ? [] : (parseNetworks(trusted) ?? expect.fail())))({
    headers,
    socket: { remoteAddress: peer } as never,
  })?.client ?? ''

describe('without a proxy that is trusted', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::2:0:0:1', '2001:db8:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    [undefined, ''],
  ])('the peer %s counts as %s, whatever the headers say', (peer, expected) => {
    const headers = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' }
    for (const trusted of ['', '10.0.0.0/8', '2001:db8:ffff::/48'])
      expect(address(trusted, peer, headers)).toBe(expected)
  })
})

describe('behind trusted proxies', () => {
  const trusted = '10.0.0.0/8, 192.0.2.7,fd00::/8'

  test.each<[string, string]>([
    ['203.0.113.9', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['10.9.9.9, 203.0.113.9,10.1.2.3, fd00::7', '203.0.113.9'],
    ['203.0.113.9:4711', '203.0.113.9'],
    ['[2001:db8:1:2::3]:4711', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::3', '2001:db8:1:2::/64'],
    ['::ffff:203.0.113.9, ::ffff:10.0.0.1', '203.0.113.9'],
    ['10.3.3.3, 10.2.2.2', '10.3.3.3'],
    // No proxy writes this: the client is the last hop that is known.
    ['', '10.0.0.1'],
    ['unknown', '10.0.0.1'],
    ['203.0.113.9, unknown, 10.2.2.2', '10.2.2.2'],
    ['203.0.113.9, 999.1.1.1', '10.0.0.1'],
    ['203.0.113.9, ', '10.0.0.1'],
    ['203.0.113.9 198.51.100.1', '10.0.0.1'],
    ['[203.0.113.9', '10.0.0.1'],
  ])('X-Forwarded-For: %s counts as %s', (header, expected) => {
    expect(address(trusted, '10.0.0.1', { 'x-forwarded-for': header })).toBe(expected)
  })

  test('no other header is read', () => {
    for (const name of ['forwarded', 'x-real-ip', 'x-client-ip', 'true-client-ip', 'x-forwarded-host'])
      expect(address(trusted, '10.0.0.1', { [name]: 'for=203.0.113.9' })).toBe('10.0.0.1')
    const both = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=198.51.100.1' }
    expect(address(trusted, '10.0.0.1', both)).toBe('203.0.113.9')
  })

  // With an expression that looks back, this takes hours, and anybody can make a server do it.
  test('a header of spaces is read at once', () => {
    const spaces = ' '.repeat(1_000_000)
    for (const node of [
      `${spaces}x y`,
      `x${spaces}y`,
      `"${spaces}x y"`,
      `[${spaces}x y`,
      `${spaces};${spaces}`,
    ]) {
      expect(address(trusted, '10.0.0.1', { 'x-forwarded-for': `,${node}, 203.0.113.9` })).toBe('203.0.113.9')
    }
  })

  test('a proxy is recognized in each form of its address', () => {
    const headers = { 'x-forwarded-for': '203.0.113.9' }
    for (const [networks, peer] of [
      ['10.0.0.0/8', '::ffff:10.0.0.1'],
      ['::ffff:10.0.0.0/104', '10.0.0.1'],
      ['192.0.2.7', '192.0.2.7'],
      ['fd00::/8', 'fdff::1'],
      ['fe80::/10', 'fe80::1%eth0'],
      ['::1', '::1'],
    ] as const) {
      expect(address(networks, peer, headers), `${networks} ${peer}`).toBe('203.0.113.9')
    }
    for (const [networks, peer] of [
      ['10.0.0.0/8', '11.0.0.1'],
      ['192.0.2.7', '192.0.2.8'],
      ['fd00::/8', 'fe00::1'],
      ['::/1', '10.0.0.1'],
      ['::/1', '::ffff:10.0.0.1'],
    ] as const) {
      expect(address(networks, peer, headers), `${networks} ${peer}`).not.toBe('203.0.113.9')
    }
  })
})
