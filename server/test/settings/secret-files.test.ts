// Secrets in files: of a variable with _FILE, or credentials of systemd.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { isKeyholdError } from '@keyhold/core'
import { afterAll, describe, expect, test } from 'vitest'
import { readSettings } from '../../src/settings/read-settings.ts'
import { settingTable } from '../../src/settings/setting-table.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'keyhold-secrets-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const url = 'postgres://keyhold:s3cret@db/keyhold'

function fileWith(text: string, mode = 0o600): string {
  const file = path.join(mkdtempSync(path.join(folder, 'x-')), 'secret')
  writeFileSync(file, text)
  chmodSync(file, mode)
  return file
}

function refusalOf(environment: Record<string, string>): string {
  try {
    readSettings(environment)
  } catch (error) {
    if (isKeyholdError(error, 'ERR_CONFIG_INVALID')) return error.message
    throw error
  }
  return ''
}

test('every setting that is a secret may be in a file', () => {
  const secrets = Object.values(settingTable).flatMap((row) =>
    'fileVariable' in row ? [row.fileVariable] : [],
  )
  expect(secrets.toSorted()).toEqual([
    'HTTPS_PROXY_FILE',
    'KEYHOLD_DATABASE_URL_FILE',
    'KEYHOLD_KMS_ACCESS_KEY_ID_FILE',
    'KEYHOLD_KMS_SECRET_ACCESS_KEY_FILE',
  ])
})

test('a file counts as the variable with its content, without line ends and byte order mark', () => {
  for (const text of [url, `${url}\n`, `\uFEFF${url}\r\n`]) {
    expect(readSettings({ KEYHOLD_DATABASE_URL_FILE: fileWith(text) })).toEqual(
      readSettings({ KEYHOLD_DATABASE_URL: url }),
    )
  }
  expect(readSettings({ HTTPS_PROXY_FILE: fileWith('http://me:s3cret@proxy:1') }).httpsProxy).toBe(
    'http://me:s3cret@proxy:1',
  )
})

test('its name may end as lines of Windows do', () => {
  expect(readSettings({ KEYHOLD_DATABASE_URL_FILE: `${fileWith(url)}\r\n` }).databaseUrl).toBe(url)
})

test('its group may read it, as with the secrets that Kubernetes mounts by links', () => {
  const file = fileWith(url, 0o440)
  const link = `${file}-link`
  symlinkSync(file, link)
  expect(readSettings({ KEYHOLD_DATABASE_URL_FILE: link }).databaseUrl).toBe(url)
})

describe('a file is refused, by name and without its content', () => {
  test.each([
    ['that others may read', () => fileWith(url, 0o604), 'mode 0604'],
    ['that others may write', () => fileWith(url, 0o602), 'chmod o='],
    ['that is empty', () => fileWith('\n'), 'is empty'],
    ['that is a folder', () => folder, 'is not a file'],
    ['that is not there', () => path.join(folder, 'nothing'), 'ENOENT'],
    ['that is no secret', () => fileWith('x'.repeat(100_000)), 'too large'],
  ])('%s', (_, make, words) => {
    const file = make()
    const refusal = refusalOf({ KEYHOLD_DATABASE_URL_FILE: file })
    for (const part of [words, file, 'KEYHOLD_DATABASE_URL_FILE']) expect(refusal).toContain(part)
    expect(refusal).not.toContain('s3cret')
  })

  test('whose content is not in the form of the setting', () => {
    const refusal = refusalOf({ KEYHOLD_DATABASE_URL_FILE: fileWith('mysql://s3cret') })
    expect(refusal).toBe('KEYHOLD_DATABASE_URL expects a URL that begins with postgres://.')
  })

  test('beside the variable itself: nobody should have to guess which one counts', () => {
    const environment = { KEYHOLD_DATABASE_URL: url, KEYHOLD_DATABASE_URL_FILE: fileWith(url) }
    expect(refusalOf(environment)).toBe(
      'KEYHOLD_DATABASE_URL expects no KEYHOLD_DATABASE_URL_FILE beside it.',
    )
  })
})

test('a misspelt name of a file is refused like one of a setting', () => {
  expect(refusalOf({ KEYHOLD_DATABSE_URL_FILE: 'x' })).toContain('did you mean KEYHOLD_DATABASE_URL_FILE?')
})

test('credentials of systemd count by their names, after variables', () => {
  const credentials = path.join(folder, 'credentials')
  mkdirSync(credentials)
  for (const [name, text] of [
    ['KEYHOLD_DATABASE_URL', url],
    ['KEYHOLD_ROOT_KEY', 'x'],
  ] as const)
    writeFileSync(path.join(credentials, name), text, { mode: 0o400 })
  const environment = { CREDENTIALS_DIRECTORY: credentials }
  expect(readSettings(environment)).toMatchObject({
    databaseUrl: url,
    rootKeyFile: path.join(credentials, 'KEYHOLD_ROOT_KEY'),
    kmsSecretAccessKey: undefined,
  })
  chmodSync(path.join(credentials, 'KEYHOLD_DATABASE_URL'), 0o404)
  const refusal = refusalOf(environment)
  expect(refusal).toContain(' of the credential KEYHOLD_DATABASE_URL ')
  expect(refusal).not.toContain('_FILE')
  chmodSync(path.join(credentials, 'KEYHOLD_DATABASE_URL'), 0o400)
  const other = 'postgres://other'
  expect(readSettings({ ...environment, KEYHOLD_DATABASE_URL: other }).databaseUrl).toBe(other)
  expect(readSettings({ ...environment, KEYHOLD_DATABASE_URL_FILE: fileWith(other) }).databaseUrl).toBe(other)
  expect(readSettings({ ...environment, KEYHOLD_ROOT_KEY_FILE: '/elsewhere' }).rootKeyFile).toBe('/elsewhere')
})
