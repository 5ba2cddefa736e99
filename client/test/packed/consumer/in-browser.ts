// A program for browsers: it encrypts, decrypts and is refused, through the API client.
import { createKeyholdClient, KeyholdApiError } from '@keyhold/client'

export async function run(url: string, serviceToken: string, adminToken: string): Promise<object> {
  const acme = createKeyholdClient({ url, token: serviceToken }).tenant()
  const context = { table: 'users', column: 'ssn', id: '7' }
  const token = await acme.encrypt('078-05-1120 ✓', { context })
  const [right, wrong] = await acme.decryptMany([{ token, context }, { token }])
  const people = acme.fields<{ id: string; age: number }>(['age'], { table: 'people', id: ({ id }) => id })

  const { status, body } = await createKeyholdClient({ url, token: adminToken }).call('listAllKeyProviders')
  let refused = ''
  try {
    await createKeyholdClient({ url, token: adminToken }).call('listTenants')
  } catch (error) {
    if (error instanceof KeyholdApiError) refused = `${error.status} ${error.code}`
  }
  return {
    token: token.slice(0, 4),
    text: new TextDecoder().decode(right?.value),
    wrong: wrong?.error?.code,
    age: (await people.decrypt(await people.encrypt({ id: '7', age: 41 }))).age,
    providers: [status, body.length],
    refused,
  }
}
