import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readDevEnv, writeDevEnv } from '../../src/dev/dev-env.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-dev-env-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('what was written is read again, an IPv6 address and Windows line ends included', async () => {
  const file = path.join(folder, 'dev.env')
  const values = {
    KEYHOLD_URL: 'http://[::1]:8080',
    KEYHOLD_TOKEN: 'kh_a',
    KMS_KEY_ARN: 'arn:aws:kms:eu-west-1:1:key/a',
  }
  await writeDevEnv(file, values)
  expect(await readDevEnv(file)).toEqual(values)
  await writeFile(file, `\uFEFF${(await readFile(file, 'utf8')).replaceAll('\n', '\r\n')}`)
  expect(await readDevEnv(file)).toEqual(values)
})

test('a value that a shell would change is refused', async () => {
  await expect(writeDevEnv(path.join(folder, 'bad'), { KEYHOLD_TOKEN: 'a b' })).rejects.toThrow(
    'KEYHOLD_TOKEN',
  )
})
