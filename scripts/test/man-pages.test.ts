// Man pages, as the packages get them.
import { expect, test } from 'vitest'
import { manPagesOf } from '../pack/make-man-pages.ts'

const requests = new Set(['TH', 'SH', 'B', 'I', 'TP', 'RS', 'RE', 'nf', 'fi'])

test('there is one for the command and one for each group, and each has its commands', () => {
  const pages = new Map(manPagesOf('cli', '1.2.3').map(({ file, text }) => [file, text]))
  expect([...pages.keys()].slice(0, 3)).toEqual(['keyhold.1', 'keyhold-keyprovider.1', 'keyhold-migration.1'])
  expect(pages.get('keyhold.1')).toContain(
    ".B keyprovider\nA tenant's key providers and migrations. See keyhold\\-keyprovider(1).",
  )
  expect(pages.get('keyhold.1')).toMatch(/\.SH EXIT STATUS\n\.TP\n\.B 0\ndone\n/)
  expect(pages.get('keyhold-keyprovider.1')).toContain('.B keyprovider migrate [options] <fingerprint>')
  expect(pages.get('keyhold-encryption.1')).toContain('.B encryption keyprovider migrate [options]')
  expect(manPagesOf('server', '1.2.3')[0]?.text).toContain('\n  doctor [\\-\\-strict] [\\-\\-json]')
  expect(manPagesOf('client', '1.2.3')).toEqual([])
})

test('no text is taken for a request, and a page that is made again is the same', () => {
  process.env.SOURCE_DATE_EPOCH = '0'
  try {
    const pages = ['cli', 'server'].flatMap((each) => manPagesOf(each, '1.2.3'))
    expect(pages).toEqual(['cli', 'server'].flatMap((each) => manPagesOf(each, '1.2.3')))
    for (const { text } of pages) {
      expect(text).toMatch(/^\.TH "[A-Z\\-]+" 1 "1970-01-01" "Keyhold 1\.2\.3" "Keyhold"\n/)
      const used = Array.from(text.matchAll(/^\.(\w*)/gm), ([, name]) => name ?? '')
      expect(used.filter((name) => !requests.has(name))).toEqual([])
      expect(text).toMatch(/^[\x20-\x7e\n]*$/)
    }
  } finally {
    delete process.env.SOURCE_DATE_EPOCH
  }
})
