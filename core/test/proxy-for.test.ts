import { describe, expect, test } from 'vitest'
import { parseProxy, proxyFor, proxyRulesIn } from '../src/proxy-for.ts'

const proxy = 'http://proxy.example:3128'
const kms = 'https://kms.eu-west-1.amazonaws.com'

function isProxied(url: string, noProxy: string | undefined): boolean {
  return proxyFor(new URL(url), { proxy, noProxy }) !== undefined
}

describe('the variables', () => {
  test.each([
    [{}, undefined, undefined],
    [{ HTTPS_PROXY: 'a', NO_PROXY: 'b' }, 'a', 'b'],
    [{ https_proxy: 'a', no_proxy: 'b' }, 'a', 'b'],
    [{ HTTPS_PROXY: 'a', https_proxy: 'c' }, 'c', undefined],
    [{ HTTPS_PROXY: 'a', https_proxy: '' }, 'a', undefined],
    [{ HTTPS_PROXY: 'a\r\n', NO_PROXY: ' ' }, 'a', undefined],
    [{ HTTP_PROXY: 'a', ALL_PROXY: 'b' }, undefined, undefined],
  ])('%j', (environment, expected, noProxy) => {
    expect(proxyRulesIn(environment)).toEqual({ proxy: expected, noProxy })
  })

  test.each([
    ['http://proxy:3128', 'http://proxy:3128/'],
    ['proxy:3128', 'http://proxy:3128/'],
    ['proxy', 'http://proxy/'],
    ['https://proxy', 'https://proxy/'],
    ['HTTP://PROXY:1/', 'http://proxy:1/'],
    ['http://user:p%40ss@proxy:3128', 'http://user:p%40ss@proxy:3128/'],
    ['user:pass@proxy:3128', 'http://user:pass@proxy:3128/'],
    ['http://[::1]:3128', 'http://[::1]:3128/'],
    ['socks5://proxy:1080', undefined],
    ['http://', undefined],
    ['http://proxy/path', undefined],
    ['http://proxy?x', undefined],
    ['http://pro xy', undefined],
  ])('%s is the proxy %s', (text, url) => {
    expect(parseProxy(text)?.href).toBe(url)
  })

  test('a proxy that is none is an error that does not repeat it', () => {
    const rules = { proxy: 'socks5://user:secret@proxy', noProxy: undefined }
    expect(() => proxyFor(new URL(kms), rules)).toThrow(TypeError)
    expect(() => proxyFor(new URL(kms), rules)).not.toThrow(/secret|proxy@/)
  })
})

test.each([
  'https://localhost',
  'https://LOCALHOST.',
  'https://keyhold.localhost:8443',
  'https://127.0.0.1',
  'https://127.9.9.9:1',
  'https://2130706433',
  'https://0.0.0.0',
  'https://[::1]',
  'https://[::]',
  'https://[::ffff:127.0.0.1]',
  'http://kms.eu-west-1.amazonaws.com',
])('%s has no proxy', (url) => {
  expect(isProxied(url, undefined)).toBe(false)
})

test.each<[string, string | undefined]>([
  [kms, undefined],
  [kms, ''],
  [kms, 'example.com, .internal'],
  [kms, 'azonaws.com'],
  [kms, 'kms.eu-west-1.amazonaws.com.evil.example'],
  [kms, 'amazonaws.com:8443'],
  [kms, '10.0.0.0/8'],
  [kms, '.'],
  [kms, 'a*s.com'],
  ['https://localhost.example', undefined],
  ['https://[::2]', undefined],
  ['https://[2001:db8::1]', '2001:db8::2, 2001:db9::/32'],
  ['https://[2001:db8::1]', '[2001:db8::1]:8443'],
  ['https://10.1.2.3', '.3'],
  ['https://10.1.2.3', '2.3'],
  ['https://10.1.2.3', '10.1.2.4, 10.1.2.4/31, 11.0.0.0/8'],
  ['https://10.1.2.3', '10.1.2.3/33, 10.1.2/24, ::/0'],
  ['https://10.1.2.3', '10.1.2.3:8443'],
])('%s has the proxy with NO_PROXY %j', (url, noProxy) => {
  expect(isProxied(url, noProxy)).toBe(true)
})

test.each([
  [kms, '*'],
  [kms, 'other.example,*'],
  [kms, 'amazonaws.com'],
  [kms, '.amazonaws.com'],
  [kms, '*.amazonaws.com'],
  [kms, 'AMAZONAWS.COM.'],
  [kms, 'kms.eu-west-1.amazonaws.com'],
  [kms, 'amazonaws.com:443'],
  [kms, 'a.example b.example\tamazonaws.com'],
  ['https://keyhold.example:8443', 'keyhold.example:8443'],
  ['https://10.1.2.3', '10.1.2.3'],
  ['https://10.1.2.3:8443', '10.1.2.3:8443'],
  ['https://10.1.2.3', '10.0.0.0/8'],
  ['https://10.1.2.3', '10.1.2.2/31'],
  ['https://10.1.2.3', '0.0.0.0/0'],
  ['https://[2001:db8::1]', '2001:db8::1'],
  ['https://[2001:db8::1]', '2001:DB8:0:0:0:0:0:1'],
  ['https://[2001:db8::1]', '[2001:db8::1]'],
  ['https://[2001:db8::1]:8443', '[2001:db8::1]:8443'],
  ['https://[2001:db8:7fff::1]', '2001:db8:4000::/34'],
])('%s is reached directly with NO_PROXY %j', (url, noProxy) => {
  expect(isProxied(url, noProxy)).toBe(false)
})
