// The independent implementation of docs/formats.md computes all of vectors/rows.json again. It needs a Python from 3.9, in the
// PATH as python3, or named by PYTHON; without it the test is skipped by name.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { hasPython, runPython } from '../../../../testkit/src/process/python.ts'

const root = path.join(import.meta.dirname, '../../../..')
const program = path.join(root, 'vectors/rows.py')
const folder = mkdtempSync(path.join(tmpdir(), 'keyhold-vectors-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

test.skipIf(!hasPython())('vectors/rows.py computes what vectors/rows.json holds (needs Python)', () => {
  expect(runPython(program)).toMatch(/^\d+ rows, 3 checkpoints are as docs\/formats.md says; 0 values added/)
})

test.skipIf(!hasPython())('vectors/rows.py finds a single wrong digit (needs Python)', () => {
  cpSync(path.join(root, 'docs/formats.md'), path.join(folder, 'docs/formats.md'))
  cpSync(path.join(root, 'vectors'), path.join(folder, 'vectors'), { recursive: true })
  const file = path.join(folder, 'vectors/rows.json')
  const text = readFileSync(file, 'utf8')
  const mac = /"mac": "01(?<rest>[0-9a-f]{80})"/.exec(text)?.[0] ?? ''
  writeFileSync(
    file,
    text.replace(
      mac,
      mac.replace(/.(?="$)/, (digit) => (digit === '0' ? '1' : '0')),
    ),
  )
  expect(() => runPython(path.join(folder, 'vectors/rows.py'))).toThrow(/every column: mac is/)
})
