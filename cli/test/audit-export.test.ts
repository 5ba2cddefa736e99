// keyhold audit export, and keyhold audit verify --from: a chain in a file against what was signed of it, without any server.
// Whoever made the file may have made all of it.
import type { Audit } from '@keyhold/client'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  chained,
  checkpointsOf,
  exportOf,
  headOf,
  keySet,
  record,
  signed,
  type SignedCheckpoint,
} from './audit-chain.ts'
import { keyhold } from './run-keyhold.ts'
import { serveChain } from './serve-chain.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhold-export-'))
  await writeFile(join(folder, 'keys.json'), JSON.stringify(keySet))
})
afterAll(() => rm(folder, { recursive: true }))

const honest = chained([1, 2, 3, 4, 5].map((index) => record(index)))
const checkpoints = checkpointsOf(honest, [2, 3, 5])
const ndjson = (lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('')

// There is neither a server nor a token in the environment.
const run = (args: string[], stdin = '') => keyhold(['audit', ...args], { env: {}, cwd: folder, stdin })
const keep = async (name: string, lines: readonly object[]) => {
  await writeFile(join(folder, name), ndjson(lines))
  return name
}
const verify = (text: string | readonly object[], ...args: string[]) =>
  run(
    ['verify', '--from', '-', '--keys', 'keys.json', ...args],
    typeof text === 'string' ? text : ndjson(text),
  )

describe('a true export', () => {
  test('is verified without a server, by keys that were kept', async () => {
    const { stdout, stderr, exit } = await verify(exportOf(honest, checkpoints))

    expect([stderr, exit]).toEqual(['', 0])
    expect(stdout).toContain('of tenant acme')
    expect(stdout).toContain('5, each as its hash says')
    expect(stdout).toContain('3 in the export, all valid and in their places')
    expect(stdout).toContain('none was given: a cut-off end would not show')
    expect(stdout).toContain('all records')
    expect(stdout).toContain('by key the-key')
  })

  test('agrees with what was kept elsewhere: files of replicas with other chains, an earlier export, a head', async () => {
    const ofOthers = checkpointsOf(honest, [1, 2], { tenantId: 'other' })
    await keep('state.ndjson', [...ofOthers, ...checkpoints.slice(1, 2)])
    await keep('earlier.ndjson', exportOf(honest.slice(0, 3), checkpoints.slice(0, 2)))
    await writeFile(join(folder, 'head.json'), JSON.stringify(headOf(honest.slice(0, 4)), undefined, 2))
    const files = ['--checkpoints', 'state.ndjson', '--checkpoints', 'earlier.ndjson', '--head', 'head.json']
    const { stdout, exit } = await verify(exportOf(honest, checkpoints), ...files)

    expect(exit).toBe(0)
    expect(stdout).toContain('5, all in their places, the last one after record 4')
  })

  test('says which records nobody vouches for yet', async () => {
    const longer = chained([...honest, record(6), record(7)])
    const lines = exportOf(longer, checkpoints, headOf(honest))
    const { stdout, exit } = await verify(lines)
    expect(exit).toBe(0)
    expect(stdout).toContain('nobody vouches yet for records 6 to 7')

    await keep('newer.ndjson', checkpointsOf(longer, [2, 3, 5, 6]))
    const { stdout: text } = await verify(
      exportOf(longer, checkpointsOf(longer, [2, 3, 5, 6]), headOf(honest)),
      ...['--checkpoints', 'newer.ndjson', '--json'],
    )
    expect(JSON.parse(text)).toEqual({
      ...{
        tenantId: 'acme',
        records: 7,
        hash: longer.at(-1)?.hash,
        checkpoints: 4,
        kept: 4,
        vouchedTo: 6,
        keptTo: 6,
      },
      head: { sequence: 5, signedAt: '2026-01-02T03:04:05.678Z', signedBy: 'the-key' },
    })
  })

  test('may be of the installation, and empty', async () => {
    const { stdout, exit } = await verify(exportOf([], [], headOf([], null)), '--operator')
    expect([exit, stdout]).toEqual([0, expect.stringContaining('of the installation')])
  })
})

const changed = (index: number, changes: object) =>
  honest.map((audit) => (audit.sequence === index ? { ...audit, ...changes } : audit))
const withRecords = (audits: readonly Audit[]) => exportOf(audits, checkpoints, headOf(honest))
const rewritten = chained(honest.map((audit) => ({ ...audit, actor: { id: 'system' } })))
const another = generateKeyPairSync('ed25519').privateKey
const at = (index: number, change: (checkpoint: SignedCheckpoint) => object) =>
  exportOf(
    honest,
    checkpoints.map((each, place) => (place === index ? change(each) : each)) as SignedCheckpoint[],
  )
const resigned =
  (changes: object, ...by: [string?, typeof another?]) =>
  (each: SignedCheckpoint) => {
    const checkpoint = { ...each.checkpoint, ...changes }
    return { checkpoint, jws: signed(checkpoint, ...by) }
  }

test.each<[string, readonly object[], RegExp, string]>([
  [
    'a detail',
    withRecords(changed(3, { details: {} })),
    /record 3, or one before it, is not as/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a hash',
    withRecords(changed(3, { hash: '0'.repeat(64) })),
    /record 3, or one before it/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a gap',
    withRecords(honest.filter(({ sequence }) => sequence !== 3)),
    /record 3 is missing: 4 comes next/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'the same number twice',
    withRecords(honest.flatMap((audit) => (audit.sequence === 3 ? [audit, audit] : [audit]))),
    /record 3 comes again in place of record 4/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a record of another chain',
    withRecords(changed(4, { tenantId: 'other' })),
    /record 4 belongs to another chain/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'the end cut off',
    withRecords(honest.slice(0, 4)),
    /ends after record 4, but the head in line 2 of standard input names 5/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  ['all of it cut off', withRecords([]), /ends after record 0/, 'ERR_CLI_AUDIT_BROKEN'],
  [
    'all computed again',
    exportOf(rewritten, checkpoints),
    /up to record 2 .* checkpoint 1 in line 3 of standard input says otherwise/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'an end computed again',
    withRecords([...honest.slice(0, 4), ...rewritten.slice(4)]),
    /record 5/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a head of other words',
    exportOf(rewritten, [], { jws: headOf(honest).jws, head: headOf(rewritten).head }),
    /the signature of the head in line 2 .* other words/,
    'ERR_CLI_SIGNATURE',
  ],
  [
    'a head of another chain',
    [...exportOf(honest, []).slice(0, 1), { ...headOf(honest, 'other') }, ...exportOf(honest, []).slice(2)],
    /the head in line 2 .* is of tenant other, not of tenant acme/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a head that was never signed of an empty chain',
    exportOf([], [], wrongStart()),
    /up to record 0/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a checkpoint of another chain',
    at(1, resigned({ tenantId: 'other' })),
    /the checkpoint in line 4 .* is of tenant other/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a checkpoint of the installation',
    at(1, resigned({ tenantId: null })),
    /is of the installation, not of tenant acme/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a checkpoint of another hash',
    at(2, resigned({ hash: '1'.repeat(64) })),
    /up to record 5 /,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a checkpoint of an unknown key',
    at(1, resigned({}, 'no-key')),
    /signature of checkpoint 2 in line 4 .* names none of the keys/,
    'ERR_CLI_SIGNATURE',
  ],
  [
    'a checkpoint of another key by the name of a known one',
    at(1, resigned({}, 'the-key', another)),
    /did not make it/,
    'ERR_CLI_SIGNATURE',
  ],
  [
    'a checkpoint of other words',
    at(1, (each) => ({ ...each, checkpoint: { ...each.checkpoint, sequence: 4 } })),
    /other words/,
    'ERR_CLI_SIGNATURE',
  ],
  [
    'a checkpoint left out',
    exportOf(honest, checkpoints.toSpliced(1, 1)),
    /checkpoint 2 is missing in the export: 3 comes next/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a checkpoint that follows from another one',
    at(1, resigned({ previous: '1'.repeat(64) })),
    /checkpoint 2 in line 4 .* does not follow/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'no checkpoint at all in the place of one',
    at(1, () => ({ checkpoint: null, jws: 'x' })),
    /line 4 .* holds no checkpoint/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a checkpoint with more words',
    at(1, resigned({ note: 'x' })),
    /line 4 .* holds no checkpoint/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a record with more words',
    withRecords(changed(3, { note: 'approved' })),
    /record 3 in line 8 .* is none that Keyhold writes/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'an actor with more words',
    withRecords(changed(3, { actor: { id: 'abcdefghij012345', role: 'tenant-admin', name: 'x' } })),
    /record 3 in line 8/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a time in another form',
    withRecords(changed(3, { at: '2026-01-02T03:04:05.003+00:00' })),
    /record 3 in line 8/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a detail that is no text',
    withRecords(changed(3, { details: { keyArn: 1 } })),
    /record 3 in line 8/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
  [
    'a number that is none',
    withRecords(changed(3, { sequence: 3.5 })),
    /the record in line 8/,
    'ERR_CLI_AUDIT_BROKEN',
  ],
])('%s is found', async (_, lines, message, code) => {
  const { stderr, stdout, exit } = await verify(lines)
  expect(stderr).toMatch(message)
  expect([stderr.includes(code), stdout, exit]).toEqual([true, '', 1])
})

function wrongStart() {
  const { head } = headOf([])
  const wrong = { ...head, hash: '1'.repeat(64) }
  return { head: wrong, jws: signed(wrong) }
}

const [begin = {}, head = {}, ...rest] = exportOf(honest, checkpoints)
test.each<[string, string, RegExp]>([
  ['nothing', '', /standard input is empty/],
  [
    'a file that is cut off in a line',
    ndjson([begin, head, ...rest]).slice(0, -9),
    /line 10 of standard input is cut off/,
  ],
  ['a file that is cut off after its first line', ndjson([begin]), /has no head/],
  ['no JSON', `${ndjson([begin, head])}{"record":\n`, /line 3 of standard input holds no JSON/],
  ['an empty line', `${ndjson([begin, head])}\n`, /line 3 of standard input holds no JSON/],
  ['JSON that is no object', `${ndjson([begin, head])}[]\n`, /line 3 of standard input holds no JSON object/],
  ['something else', ndjson([begin, head, { records: [] }]), /line 3 of standard input is none of/],
  [
    'more beside a record',
    ndjson([begin, head, { record: honest[0], jws: 'x' }]),
    /line 3 of standard input is none of/,
  ],
  [
    'an export from the future',
    ndjson([{ export: { type: 'keyhold/audit-export/2', tenantId: 'acme' } }]),
    /this version does not know/,
  ],
  [
    'an export of no chain',
    ndjson([{ export: { type: 'keyhold/audit-export/1' } }]),
    /does not name a chain/,
  ],
  [
    'records alone',
    ndjson(honest.map((each) => ({ record: each }))),
    /line 1 of standard input does not begin an export/,
  ],
  ['records before the head', ndjson([begin, ...rest]), /line 2 of standard input comes before the head/],
  ['two heads', ndjson([begin, head, head, ...rest]), /line 3 of standard input is a second head/],
  [
    'a checkpoint after records',
    ndjson([begin, head, ...rest, ...checkpoints.slice(0, 1)]),
    /line 11 of standard input comes after a record/,
  ],
  [
    'two chains',
    ndjson([begin, head, ...rest, begin, head, ...rest]),
    /line 11 of standard input begins another export/,
  ],
  [
    'a byte order mark',
    `\u{feff}${ndjson([begin, head, ...rest])}`,
    /line 1 of standard input begins with a byte order mark/,
  ],
  [
    'line ends of Windows',
    ndjson([begin, head, ...rest]).replaceAll('\n', '\r\n'),
    /line 1 of standard input ends with CR LF/,
  ],
  [
    'an endless line',
    `${ndjson([begin, head])}{"record":"${'x'.repeat(5_000_000)}`,
    /line 3 of standard input is longer than 4 MiB/,
  ],
])('%s is refused', async (_, text, message) => {
  const { stderr, exit } = await verify(text)
  expect(stderr).toMatch(message)
  expect([stderr.includes('ERR_CLI_AUDIT_FILE'), exit]).toEqual([true, 2])
})

test('bytes that are no text are refused', async () => {
  await writeFile(
    join(folder, 'latin.ndjson'),
    Buffer.concat([Buffer.from(ndjson([begin])), Buffer.of(0xe4, 0x0a)]),
  )
  const { stderr, exit } = await run(['verify', '--from', 'latin.ndjson', '--keys', 'keys.json'])
  expect([stderr, exit]).toEqual([expect.stringContaining('line 2 of latin.ndjson is not text in UTF-8'), 2])
  const missing = await run(['verify', '--from', 'nowhere', '--keys', 'keys.json'])
  expect([missing.stderr, missing.exit]).toEqual([expect.stringContaining('cannot read nowhere'), 2])
})

describe('against what was kept elsewhere', () => {
  const forged = chained([...honest.slice(0, 4), record(9)])
  const kept = () => keep('kept.ndjson', checkpoints)

  test.each<[string, () => readonly object[], RegExp]>([
    // All is signed: by a server that was shown an older database.
    [
      'an end cut off, with its older head',
      () => exportOf(honest.slice(0, 4), checkpoints.slice(0, 2)),
      /ends after record 4, but checkpoint 3 in line 3 of kept.ndjson names 5/,
    ],
    [
      'another end',
      () => exportOf(forged, [...checkpoints.slice(0, 2), ...checkpointsOf(forged, [2, 3, 5]).slice(2)]),
      /contradict each other: both are checkpoint 3/,
    ],
    [
      'another end, without its checkpoint',
      () => exportOf(forged, checkpoints.slice(0, 2)),
      /up to record 5 .* checkpoint 3 in line 3 of kept.ndjson says otherwise/,
    ],
    [
      'a checkpoint that is gone',
      () => exportOf(honest, checkpoints.slice(0, 2)),
      /checkpoint 3 is missing in the export: checkpoint 3 in line 3 of kept.ndjson was kept/,
    ],
  ])('%s is found', async (_, lines, message) => {
    expect((await verify(lines())).exit).toBe(0)
    const { stderr, exit } = await verify(lines(), '--checkpoints', await kept())
    expect(stderr).toMatch(message)
    expect([stderr.includes('ERR_CLI_AUDIT_BROKEN'), exit]).toEqual([true, 1])
  })

  test.each<[string, readonly object[], RegExp, number]>([
    [
      'nothing of this chain',
      checkpointsOf(honest, [2], { tenantId: 'other' }),
      /kept.ndjson says nothing about the chain of tenant acme/,
      2,
    ],
    [
      'a checkpoint of an unknown key',
      checkpointsOf(honest, [2]).map(resigned({}, 'no-key')),
      /checkpoint 1 in line 1 of kept.ndjson .* none of the keys/,
      1,
    ],
    ['no lines of checkpoints', [{ a: 1 }], /line 1 of kept.ndjson is none of/, 2],
  ])('%s is refused', async (_, lines, message, code) => {
    await keep('kept.ndjson', lines)
    const { stderr, exit } = await verify(exportOf(honest, checkpoints), '--checkpoints', 'kept.ndjson')
    expect([stderr, exit]).toEqual([expect.stringMatching(message), code])
  })

  test('a head that was kept must be of this chain, and have its place', async () => {
    await writeFile(join(folder, 'head.json'), JSON.stringify(headOf(honest)))
    const cut = await verify(exportOf(honest.slice(0, 3), checkpoints.slice(0, 2)), '--head', 'head.json')
    expect([cut.stderr, cut.exit]).toEqual([
      expect.stringContaining('the head in head.json names 5 records'),
      1,
    ])
    await writeFile(join(folder, 'head.json'), JSON.stringify(headOf(honest, 'other')))
    const other = await verify(exportOf(honest, checkpoints), '--head', 'head.json')
    expect([other.stderr, other.exit]).toEqual([
      expect.stringContaining('the kept head is of tenant other'),
      2,
    ])
  })
})

describe('the command line', () => {
  test.each<[string[], RegExp]>([
    [['verify', '--from', 'x'], /--from needs --keys/],
    [['verify', '--checkpoints', 'x'], /--checkpoints goes with --from/],
    [['verify', '--from', 'x', '--keys', 'keys.json', '--save-head', 'y'], /cannot be used with/],
  ])('%j is refused', async (args, message) => {
    const { stderr, exit } = await run(args)
    expect([stderr, exit]).toEqual([expect.stringMatching(message), 2])
  })

  test('the chain that is named must be the one in the file', async () => {
    const { stderr, exit } = await verify(exportOf(honest, checkpoints), '--tenant', 'other')
    expect([stderr, exit]).toEqual([
      expect.stringContaining('holds the chain of tenant acme, not of tenant other'),
      2,
    ])
    expect((await verify(exportOf(honest, checkpoints), '--tenant', 'acme')).exit).toBe(0)
    expect((await verify(exportOf(honest, checkpoints), '--operator')).exit).toBe(2)
  })

  test('keys that are none verify nothing', async () => {
    await writeFile(
      join(folder, 'broken.json'),
      '{"keys":[{"kid":"the-key","kty":"OKP","crv":"Ed25519","x":"?"}]}',
    )
    const args = ['verify', '--from', '-', '--keys', 'broken.json']
    const { stderr, exit } = await run(args, ndjson(exportOf(honest, checkpoints)))
    expect([stderr, exit]).toEqual([expect.stringContaining('is no Ed25519 key'), 1])
  })
})

describe('export', () => {
  test('writes all that a verification needs, page after page', async () => {
    const later = checkpointsOf([...honest, ...honest], [2, 3, 5, 6])
    await serveChain(
      { audits: chained([...honest, record(6)]), head: headOf(honest), checkpoints: later },
      async (env) => {
        const { stdout, stderr, exit } = await keyhold(['audit', 'export'], { env, cwd: folder })
        expect([stderr, exit]).toEqual(['', 0])
        expect(stdout).toBe(ndjson(exportOf(honest, checkpoints)))

        const toFile = () => keyhold(['audit', 'export', '-o', 'chain.ndjson'], { env, cwd: folder })
        expect(await toFile()).toMatchObject({
          exit: 0,
          stderr: expect.stringContaining('5 records are in chain.ndjson') as string,
        })
        expect(await readFile(join(folder, 'chain.ndjson'), 'utf8')).toBe(stdout)
        expect(await toFile()).toMatchObject({
          exit: 2,
          stderr: expect.stringContaining('--force replaces it') as string,
        })
      },
    )
    expect((await run(['verify', '--from', 'chain.ndjson', '--keys', 'keys.json'])).exit).toBe(0)
  })

  test('what the database has in place of a checkpoint is written, and found by the verification', async () => {
    await serveChain(
      { audits: honest, head: headOf(honest), checkpoints: [{ jws: 'rubbish' }] },
      async (env) => {
        const { stdout, exit } = await keyhold(['audit', 'export'], { env, cwd: folder })
        expect(exit).toBe(0)
        const verified = await verify(stdout)
        expect([verified.stderr, verified.exit]).toEqual([expect.stringContaining('holds no checkpoint'), 1])
      },
    )
  })

  test('a server that fails half-way leaves no file', async () => {
    await serveChain({ audits: honest, head: headOf(honest), checkpoints, failsAfter: 2 }, async (env) => {
      const { exit } = await keyhold(['audit', 'export', '-o', 'half.ndjson'], { env, cwd: folder })
      expect(exit).toBe(10)
    })
    expect(
      (await readdir(folder)).filter((name) => name.includes('half') || name.includes('partial')),
    ).toEqual([])
  })

  test.each([
    [['--operator'], '/api/v1/audits/checkpoints?limit=1000'],
    [['--tenant', 'acme'], '/api/v1/audits/checkpoints?limit=1000&tenantId=acme'],
  ])('asks for the chain of %s with an operator token', async (options, path) => {
    await serveChain({ audits: honest, head: headOf(honest), checkpoints }, async (env, asked) => {
      await keyhold(['audit', 'export', ...options], { env, cwd: folder })
      expect(asked).toContain(`Bearer of-the-operator ${path}`)
    })
  })
})
