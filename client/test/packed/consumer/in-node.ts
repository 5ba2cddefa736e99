// An application on Node: it encrypts and decrypts with every method, and prints the results. Its arguments are a URL,
// a token and a folder for files.
import { createKeyholdClient as createApiClient, KeyholdApiError } from '@keyhold/client'
import {
  createKeyholdClient,
  encryptedSize,
  KeyholdApiError as ErrorOfNode,
  plaintextSize,
} from '@keyhold/client/node'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const [url = '', token = '', folder = ''] = process.argv.slice(2)
const keyhold = createKeyholdClient({ url, token })
const acme = keyhold.tenant()
const context = { table: 'users', column: 'ssn', id: '7' }

const byServer = await acme.encrypt('by the server', { context, keyName: 'people' })
const here = await acme.local.encrypt('here', { context })

const [plain, sealed, back] = [join(folder, 'plain'), join(folder, 'sealed'), join(folder, 'back')]
const content = Buffer.alloc(100_000, 'a piece of text, ')
await writeFile(plain, content)
await acme.local.encryptFile(plain, sealed, { context, overwrite: true })
await acme.local.decryptFile(sealed, back, { context, overwrite: true })
const sealedBytes = (await stat(sealed)).size

const stream = new Blob([content]).stream()
const through = stream.pipeThrough(acme.local.encryptStream()).pipeThrough(acme.local.decryptStream())

const people = acme.local.fields<{ id: string; born: Date }>(['born'], {
  table: 'people',
  id: (person) => person.id,
})
const stored = await people.encrypt({ id: '7', born: new Date(0) })
const index = acme.local.blindIndex({ keyName: 'people' })

process.stdout.write(
  JSON.stringify({
    version: process.versions.node,
    tokens: [byServer, here].map((text) => text.slice(0, 4)),
    values: [
      await acme.local.decryptText(byServer, { context }),
      await acme.decryptText(here, { context }),
      await acme.local.decryptText(here, { context }),
    ],
    wrongContext: await refusal(acme.local.decrypt(here)),
    file: content.equals(await readFile(back)),
    sizes: [sealedBytes === encryptedSize(content.length), plaintextSize(sealedBytes)],
    range: (await acme.local.readRange(sealed, 50_000, 50_016, { context })).toString(),
    stream: content.equals(Buffer.from(await new Response(through).arrayBuffer())),
    field: (await people.decrypt(stored)).born.toISOString(),
    index: (await index.compute('x', { table: 't', column: 'c' })).length,
    unknown: await refusal(createApiClient({ url, token: 'unknown' }).call('listKeyProviders')),
    oneClass: KeyholdApiError === ErrorOfNode,
  }),
)
keyhold.dispose()

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    if (error instanceof KeyholdApiError) return `${error.status} ${error.code}`
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}
