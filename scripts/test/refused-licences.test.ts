import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { refusedLicences } from '../guards/refused-licences.ts'

test('the licences of all dependencies are allowed', () => {
  const lock = readFileSync(path.join(import.meta.dirname, '../../package-lock.json'), 'utf8')
  expect(Object.keys((JSON.parse(lock) as { packages: object }).packages).length).toBeGreaterThan(100)
  expect(refusedLicences(lock)).toEqual([])
})

test('others, and none, are named', () => {
  const packages = {
    '': { license: 'Apache-2.0' },
    server: { license: 'Apache-2.0' },
    'node_modules/@keyhold/server': { link: true },
    'node_modules/good': { license: 'MIT' },
    'node_modules/copyleft': { license: 'GPL-3.0' },
    'node_modules/silent': {},
    'node_modules/good/node_modules/shipped': { license: 'MPL-2.0' },
    'node_modules/only-builds': { license: 'MPL-2.0', dev: true },
    'node_modules/builds-too': { license: 'LGPL-3.0', dev: true },
  }
  expect(refusedLicences(JSON.stringify({ packages }))).toEqual([
    'node_modules/copyleft: GPL-3.0',
    'node_modules/silent: none',
    'node_modules/good/node_modules/shipped: MPL-2.0',
    'node_modules/builds-too: LGPL-3.0, development',
  ])
})
