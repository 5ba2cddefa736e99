// Which host of several takes changes, and what becomes of the connections to one that no longer does.
import { expect, test } from 'vitest'
import { KeyholdError } from '@keyhold/core'
import { createDatabaseHosts } from '../../src/driver/database-hosts.ts'

const readOnly = new KeyholdError('ERR_DATABASE_UNAVAILABLE')
const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })

/** Hosts whose names are their URLs, and what each of them answers. */
function hostsThat(answers: Record<string, Error | undefined>) {
  const asked: [string, number][] = []
  const urls = Object.keys(answers)
  const hosts = createDatabaseHosts(urls, async (url, withinMs) => {
    asked.push([url, withinMs])
    await Promise.resolve()
    const answer = answers[url]
    if (answer !== undefined) throw answer
    return { host: url, port: 1 }
  })
  return { answers, hosts, askedSince: () => asked.splice(0).map(([url]) => url), asked }
}

test('the first that takes changes is found once, for all that connect', async () => {
  const { hosts, askedSince } = hostsThat({ a: refused, b: readOnly, c: undefined, d: undefined })
  const found = await Promise.all([hosts.find(), hosts.find(), hosts.find()])
  expect(found.map((each) => each?.host)).toEqual(['c', 'c', 'c'])
  expect(askedSince()).toEqual(['a', 'b', 'c'])
  await hosts.find()
  expect(askedSince()).toEqual([])
})

test('after something has failed there, all are asked again, beginning with the one that worked', async () => {
  const { hosts, answers, askedSince } = hostsThat({ a: readOnly, b: undefined, c: undefined })
  const first = await hosts.find()
  askedSince()
  hosts.doubt(first)
  expect((await hosts.find())?.host).toBe('b')
  expect(askedSince()).toEqual(['b'])
  hosts.doubt(await hosts.find())
  answers.b = refused
  expect((await hosts.find())?.host).toBe('c')
  expect(askedSince()).toEqual(['b', 'c'])
  // A failure at a host that was left says nothing about the one in use.
  hosts.doubt(first)
  await hosts.find()
  expect(askedSince()).toEqual([])
})

test('a host that is left loses all its connections, and the others keep theirs', async () => {
  const { hosts, answers } = hostsThat({ a: undefined, b: undefined })
  const cut: string[] = []
  const a = await hosts.find()
  hosts.join(a, () => cut.push('first to a'))
  const end = hosts.join(a, () => cut.push('ended'))
  end()
  answers.a = readOnly
  hosts.doubt(a)
  const b = await hosts.find()
  hosts.join(b, () => cut.push('first to b'))
  expect(cut).toEqual(['first to a'])
  hosts.leave(b)
  expect(cut).toEqual(['first to a', 'first to b'])
})

test('where none takes changes, all are told in one error, and the next connection asks again', async () => {
  const { hosts, answers, askedSince } = hostsThat({
    a: refused,
    b: readOnly,
    c: new Error('timeout expired'),
  })
  await expect(hosts.find()).rejects.toMatchObject({
    code: 'ERR_DATABASE_UNAVAILABLE',
    message: expect.stringContaining('3 hosts') as string,
  })
  await expect(hosts.find()).rejects.toThrow(/ECONNREFUSED, it only reads, no answer in time/)
  answers.b = undefined
  askedSince()
  expect((await hosts.find())?.host).toBe('b')
})

test('a host whose certificate does not hold is passed over, and told of where no host is left', async () => {
  const expired = Object.assign(new Error('certificate'), { code: 'CERT_HAS_EXPIRED' })
  const plain = new Error('The server does not support SSL connections')
  const { hosts, answers } = hostsThat({ a: expired, b: plain, c: undefined })
  expect((await hosts.find())?.host).toBe('c')
  answers.c = refused
  hosts.doubt(await hosts.find())
  await expect(hosts.find()).rejects.toThrow(/ECONNREFUSED, CERT_HAS_EXPIRED/)
  answers.c = plain
  await expect(hosts.find()).rejects.toBe(plain)
})

test('a wrong password is told at once', async () => {
  const wrong = Object.assign(new Error('password'), { code: '28P01', severity: 'FATAL' })
  const { hosts, askedSince } = hostsThat({ a: wrong, b: undefined })
  await expect(hosts.find()).rejects.toBe(wrong)
  expect(askedSince()).toEqual(['a'])
})

test('however many hosts there are, the search ends before a pool gives up', async () => {
  const names = Array.from({ length: 9 }, (_, index) => [String(index), refused] as const)
  const { hosts, asked } = hostsThat(Object.fromEntries(names))
  await expect(hosts.find()).rejects.toThrow()
  expect(asked.reduce((sum, [, withinMs]) => sum + withinMs, 0)).toBeLessThan(5_000)
})

test('one host is not searched for; when it only reads, all its connections are cut', async () => {
  const { hosts, askedSince } = hostsThat({ a: undefined })
  expect(await hosts.find()).toBeUndefined()
  const cut: string[] = []
  hosts.join(undefined, () => cut.push('one'))
  hosts.doubt(undefined)
  expect([cut, askedSince()]).toEqual([[], []])
  hosts.leave(undefined)
  expect(cut).toEqual(['one'])
})
