// The units of systemd. `systemd-analyze verify` ends with 0 for a misspelt key, so its output must be empty.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProgram, root, tryRun } from './tools.ts'

const analyze = findProgram('systemd-analyze', "Debian's package systemd")
const units = ['keyhold.service', 'keyhold@8180.service', 'keyhold-migrate.service']

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'keyhold-units-'))
  cpSync(path.join(root, 'deploy/systemd'), folder, { recursive: true })
  // systemd looks whether the program is there. This machine's Node.js need not be in /usr/bin.
  for (const name of ['keyhold.service', 'keyhold@.service', 'keyhold-migrate.service']) {
    const text = readFileSync(path.join(folder, name), 'utf8')
    writeFileSync(path.join(folder, name), text.replaceAll('/usr/bin/node', process.execPath))
  }
  mkdirSync(path.join(folder, 'broken'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

async function verify(unit: string): Promise<string> {
  const { stdout, stderr } = await tryRun(analyze ?? '', ['verify', '--man=no', path.join(folder, unit)])
  return `${stdout}${stderr}`
}

describe.skipIf(analyze === undefined)('systemd-analyze', () => {
  test.each(units)('has nothing to say about %s', async (unit) => {
    expect(await verify(unit)).toBe('')
  })

  test('would say that a key is misspelt', async () => {
    const text = readFileSync(path.join(folder, 'keyhold.service'), 'utf8')
    writeFileSync(
      path.join(folder, 'broken/keyhold.service'),
      text.replace('ProtectSystem=', 'ProtectSytem='),
    )
    expect(await verify('broken/keyhold.service')).toContain('ProtectSytem')
  })

  test.each(units)('scores %s below 1.5', async (unit) => {
    const file = path.join(folder, unit.replace('@8180', '@'))
    const { code, stdout } = await tryRun(analyze ?? '', [
      ...['security', '--offline=true', '--threshold=15', file],
    ])
    expect(stdout).toMatch(/Overall exposure level/)
    expect(code).toBe(0)
  })
})
