// Readers of man pages find nothing wrong. Those that are not installed are skipped by name.
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { manPagesOf } from '../pack/make-man-pages.ts'

let folder: string
const files: string[] = []
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-man-'))
  for (const { file, text } of ['cli', 'server'].flatMap((each) => manPagesOf(each, '1.2.3'))) {
    files.push(path.join(folder, file))
    await writeFile(path.join(folder, file), text)
  }
})
afterAll(() => rm(folder, { recursive: true }))

const has = (program: string) => spawnSync(program, ['-V'], { stdio: 'ignore' }).error === undefined

test.skipIf(!has('man'))('man -l shows each (needs man-db)', () => {
  for (const file of files) {
    const { stdout, stderr, status } = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-l', file], {
      encoding: 'utf8',
      env: { ...process.env, MANWIDTH: '80', MANPAGER: 'cat' },
    })
    expect([path.basename(file), stderr, status]).toEqual([path.basename(file), '', 0])
    expect(stdout).toMatch(/NAME\n +keyhold/)
  }
})

test.skipIf(!has('mandoc'))('mandoc finds nothing wrong (needs mandoc)', () => {
  const { stdout, status } = spawnSync('mandoc', ['-Tlint', '-Wwarning', ...files], { encoding: 'utf8' })
  expect([stdout, status]).toEqual(['', 0])
})
