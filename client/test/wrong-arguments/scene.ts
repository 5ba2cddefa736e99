// The SDK's exports and the objects that they make, in front of a small Keyhold.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import * as browser from '../../src/index.ts'
import * as node from '../../src/node/index.ts'
import { startFakeKeyhold } from '../fake-keyhold.ts'

export interface Scene {
  /** By their names in the table. */
  objects: Readonly<Record<string, object>>
  url: string
  /** Under the context of the table. */
  token: string
  stored: object
  folder: string
  plainPath: string
  encryptedPath: string
}

interface Customer {
  id: string
  ssn: string
}

const context = { a: 'b' }
const place = { table: 'customers', id: ({ id }: Customer) => id }

export async function makeScene(): Promise<Scene> {
  const { url } = await startFakeKeyhold()
  const folder = await mkdtemp(join(tmpdir(), 'keyhold-arguments-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const [plainPath, encryptedPath] = [join(folder, 'plain'), join(folder, 'encrypted')]
  await writeFile(plainPath, 'content')

  const client = node.createKeyholdClient({ url, token: 'kh_t' })
  const apiClient = browser.createKeyholdClient({ url, token: 'kh_t' })
  const tenant = client.tenant()
  const { local } = tenant
  await local.encryptFile(plainPath, encryptedPath, { context })
  const file = await local.openEncryptedFile(encryptedPath, { context })
  onTestFinished(() => file.close())
  const localFields = local.fields<Customer>(['ssn'], place)
  const objects = {
    ...{ browser, node, apiClient, client, apiTenant: apiClient.tenant(), tenant, local, localFields, file },
    fields: tenant.fields<Customer>(['ssn'], place),
    index: local.blindIndex({ keyName: 'people' }),
  }
  const token = await local.encrypt('text', { context })
  const stored = await localFields.encrypt({ id: '7', ssn: '078-05-1120' })
  return { objects, url, token, stored, folder, plainPath, encryptedPath }
}
