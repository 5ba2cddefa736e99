import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { checkDocs, writeDocs } from '../guards/check-docs.ts'
import { checkLinks } from '../guards/check-links.ts'
import { tree } from './bad-tree.ts'

const repository = path.join(import.meta.dirname, '..', '..')

/** A copy of what the guard reads. */
let root = ''

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'keyhold-docs-'))
  const isRead = (source: string) => {
    const [first = '', second] = path.relative(repository, source).split(path.sep)
    const isRoot = !first.startsWith('.') && first !== 'node_modules' && first !== 'vectors'
    return isRoot && second !== 'node_modules' && second !== '.keyhold'
  }
  await cp(repository, root, { recursive: true, filter: isRead })
})

afterAll(() => rm(root, { recursive: true, force: true }))

/** Changes a file of the copy until the test is over. */
async function edit(file: string, change: (text: string) => string): Promise<void> {
  const before = await readFile(path.join(root, file), 'utf8')
  onTestFinished(() => writeFile(path.join(root, file), before))
  const after = change(before)
  expect(after).not.toBe(before)
  await writeFile(path.join(root, file), after)
}

test('the documents of the repository agree with its code', async () => {
  expect(await checkDocs(repository)).toEqual([])
})

describe('one edit that is refused', () => {
  test.each<[string, string, RegExp, string, string]>([
    ['an error without its row', 'docs/errors.md', /\| `ERR_SEALED`.*\n/, '', 'differs from the code'],
    ['a status that is not so', 'docs/errors.md', /(`ERR_TENANT_EXISTS` *\|) 409/, '$1 410', 'differs from'],
    ['a retry that is not so', 'docs/errors.md', /(`ERR_SEALED` *\| 503 *\|) yes/, '$1 no ', 'differs from'],
    [
      'a summary of its own',
      'docs/errors.md',
      /There is no such tenant\./,
      'No such tenant. ',
      'differs from',
    ],
    ['a status of one route', 'docs/errors.md', /408 on/, '409 on', 'differs from the code'],
    ['a marker that is gone', 'docs/errors.md', /<!-- end of table -->/, '', 'markers'],
    ['a route without its row', 'docs/api.md', /\| `decrypt`.*\n/, '', 'differs from the code'],
    ['a route that does not exist', 'docs/api.md', /(\| `decrypt`.*\n)/, '$1$1', 'differs from the code'],
    ['a role that is not so', 'docs/api.md', /(`listTenants`.*\|) operator/, '$1 service ', 'differs from'],
    ['a setting without its row', 'docs/configuration.md', /\| `KEYHOLD_HOST`.*\n/, '', 'differs from'],
    ['a default that is not so', 'docs/configuration.md', /`8180`/, '`8181`', 'differs from'],
    ['a range that is too narrow', 'docs/configuration.md', /0 to 65535/, '1 to 65535', 'differs from'],
    [
      'a setting without its effect',
      'docs/configuration.md',
      /The port to listen on/,
      'A port',
      'differs from',
    ],
    [
      'a variable of the command line that nothing reads',
      'docs/configuration.md',
      /`KEYHOLD_URL` (?= *\|)/,
      '`KEYHOLD_PORT`',
      'below "The command line" for no reason',
    ],
    ['a setting that nothing reads', 'docs/migration.md', /$/, '\n`KEYHOLD_NO_SUCH`\n', 'KEYHOLD_NO_SUCH'],
    [
      'a variable not documented',
      'cli/src/main.ts',
      /$/,
      '\n// KEYHOLD_NEW_ONE\n',
      'KEYHOLD_NEW_ONE is missing',
    ],
    [
      'a setting that is new',
      'server/src/settings/setting-table.ts',
      /$/,
      '\n// KEYHOLD_NEW_ONE\n',
      'KEYHOLD_NEW_ONE is missing',
    ],
    [
      'a dependency without its line',
      'server/package.json',
      /"pg":/,
      '"left-pad": "1.0.0", "pg":',
      'left-pad',
    ],
    ['a line without its dependency', 'cli/package.json', /"commander": "[^"]*"/, '"x": "1"', 'commander'],
    ['a file that is gone', 'docs/api.md', /\(errors\.md\)/, '(mistakes.md)', 'mistakes.md leads nowhere'],
    [
      'a heading that is gone',
      'docs/errors.md',
      /\(api\.md#routes\)/,
      '(api.md#paths)',
      'api.md#paths leads',
    ],
  ])('%s', async (_name, file, pattern, replacement, expected) => {
    await edit(file, (text) => text.replace(pattern, replacement))
    const problems = await checkDocs(root)
    expect(problems).not.toEqual([])
    expect(problems.join('\n')).toContain(expected)
  })
})

test('--write mends the tables and nothing else', async () => {
  const original = await readFile(path.join(root, 'docs/errors.md'), 'utf8')
  await edit('docs/errors.md', (text) => text.replace(/\| `ERR_SEALED`.*\n/, ''))
  await writeDocs(root)
  expect(await readFile(path.join(root, 'docs/errors.md'), 'utf8')).toBe(original)
})

test('links in code are no links; those to other sites are not followed', async () => {
  const root = await tree({
    'a.md':
      '# One `two` & three\n\n[x](https://example.com/no) `[y](no.md)`\n\n```\n[z](no.md)\n```\n[own](#one-two--three)\n',
    'docs/b.md': '[up](../a.md#one-two--three) [folder](.)\n',
    'node_modules/p/README.md': '[gone](no.md)\n',
  })
  expect(checkLinks(root)).toEqual([])
})

test('links by reference, and to headings of the same file, are followed', async () => {
  const root = await tree({ 'a.md': '# One\n\n[x][y] [z](#two)\n\n[y]: no.md\n' })
  expect(checkLinks(root)).toEqual([
    'a.md: the link to #two leads nowhere',
    'a.md: the link to no.md leads nowhere',
  ])
})
