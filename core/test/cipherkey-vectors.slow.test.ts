// The independent implementation of docs/formats.md computes the cipherkeys of vectors/known-answers.json again. It needs a Python
// from 3.9, in the PATH as python3, or named by PYTHON; without it the test is skipped by name.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { hasPython, runPython } from '../../testkit/src/process/python.ts'

const vectors = path.join(import.meta.dirname, '../../vectors')
const folder = mkdtempSync(path.join(tmpdir(), 'keyhold-vectors-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

test.skipIf(!hasPython())('vectors/cipherkeys.py computes what the file holds (needs Python)', () => {
  expect(runPython(path.join(vectors, 'cipherkeys.py'))).toMatch(
    /^2 cipherkeys of format 1 and \d+ of format 2 are as docs\/formats.md says; 0 values added/,
  )
})

test.skipIf(!hasPython())(
  'vectors/cipherkeys.py finds a time that is not the one in the wrap (needs Python)',
  () => {
    for (const name of ['cipherkeys.py', 'known-answers.json'])
      cpSync(path.join(vectors, name), path.join(folder, name))
    const file = path.join(folder, 'known-answers.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('"createdAtMs": 7,', '"createdAtMs": 8,'))
    expect(() => runPython(path.join(folder, 'cipherkeys.py'))).toThrow(/context is/)
  },
)
