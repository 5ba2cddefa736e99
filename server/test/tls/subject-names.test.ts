// A name in a certificate is exactly one entry of one kind.
import { expect, test } from 'vitest'
import { readSubjectNames } from '../../src/tls/subject-names.ts'

test('each entry is of its kind', () => {
  expect(
    readSubjectNames(
      'DNS:a.example, IP Address:10.0.0.1, URI:spiffe://x/b, email:me@x, othername:<unsupported>',
    ),
  ).toEqual({ dns: ['a.example'], uri: ['spiffe://x/b'], email: ['me@x'], ip: ['10.0.0.1'] })
  expect(readSubjectNames(undefined)).toEqual({ dns: [], uri: [], email: [], ip: [] })
})

test('a value that looks like another entry is one value', () => {
  expect(readSubjectNames('URI:"http://x/, DNS:good.example", DNS:a')).toMatchObject({
    dns: ['a'],
    uri: ['http://x/, DNS:good.example'],
  })
  expect(readSubjectNames('DNS:"a\\", URI:spiffe://x/b"')).toMatchObject({
    dns: ['a", URI:spiffe://x/b'],
    uri: [],
  })
})

test.each(['DNS:"a', 'DNS', 'DNS:a DNS"', 'DNS:a", URI:b', ', DNS:a'])(
  'nothing of %s is believed',
  (text) => {
    expect(readSubjectNames(text)).toBeUndefined()
  },
)
