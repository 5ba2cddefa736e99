// The packages hold nothing that only tests use, the program of every command, and no import that their manifests do not ask
// for. They are not installed for that: `installed-packages.slow.test.ts` does it, and runs their commands.
import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packPackages } from '../../testkit/src/packages/install-packages.ts'

let folder: string
/** The folders of the packages, as they are unpacked. */
let unpacked: string[]
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-packages-'))
  const tarballs = await packPackages(path.join(folder, 'tarballs'), { hasTypes: false })
  unpacked = await Promise.all(
    tarballs.map(async (tarball, index) => {
      const to = path.join(folder, String(index))
      await mkdir(to)
      await promisify(execFile)('tar', ['-xzf', tarball, '-C', to])
      return path.join(to, 'package')
    }),
  )
}, 180_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Manifest {
  name: string
  bin?: Record<string, string>
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const manifestOf = async (of: string) =>
  JSON.parse(await readFile(path.join(of, 'package.json'), 'utf8')) as Manifest

test('failpoints are in no module', () => {
  const modules = unpacked.flatMap((of) => globSync(path.join(of, 'dist/*.js')))
  expect(modules.length).toBeGreaterThan(10)
  const source = path.join(import.meta.dirname, '../../server/src/migration/engine/failpoint.ts')
  const names = readFileSync(source, 'utf8').match(/(?<=')migration\.[a-z.-]+(?=')/g) ?? []
  expect(names.length).toBeGreaterThan(20)
  const words = [...names, 'KEYHOLD_FAILPOINTS', 'There is no such failpoint']
  const found = modules.flatMap((file) => {
    const text = readFileSync(file, 'utf8')
    return words.filter((word) => text.includes(word)).map((word) => `${file}: ${word}`)
  })
  expect(found).toEqual([])
})

test('every command has its program, and every package that is imported is asked for', async () => {
  const manifests = await Promise.all(unpacked.map(manifestOf))
  expect(manifests.flatMap(({ bin }) => Object.keys(bin ?? {})).sort()).toContain('keyhold-server')
  const missing = manifests.flatMap((manifest, index) => {
    const of = unpacked[index] ?? ''
    const asked = [
      manifest.name,
      ...Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }),
    ]
    const programs = Object.values(manifest.bin ?? {}).filter((file) => !existsSync(path.join(of, file)))
    const imports = globSync(path.join(of, 'dist/*.js')).flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^(?:import|export)\b[^;'"]*?["']([^."'][^"']*)["']/gm)].map(
        ([, name = '']) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'),
      ),
    )
    expect(imports.length).toBeGreaterThan(0)
    const unasked = new Set(imports.filter((name) => !isBuiltin(name) && !asked.includes(name)))
    return [...programs, ...unasked].map((each) => `${manifest.name}: ${each}`)
  })
  expect(missing).toEqual([])
})
